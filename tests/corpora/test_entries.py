"""The forms of a file of cases: a JSON list, JSONL, a table with one utterance per row, Parquet. All read the same."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from fliptrace.core.errors import InputError
from fliptrace.core.flips import FlipCase
from fliptrace.corpora.detect import detect_form, read_flip_cases, scan_corpus

CASES: list[dict[str, Any]] = [
    {
        "speakers": ["Ada", "Bo", "Ada"],
        "utterances": ["Tea?", 'You broke\nmy "cup", twice!', "I am so sorry."],
        "emotions": ["neutral", "anger", "sadness"],
        "triggers": [0, 1, 0],
    },
    {
        "speakers": ["Bo", "Bo"],
        "utterances": ["वाह!", "Ha."],
        "emotions": ["joy", "neutral"],
        "triggers": [0, 0],
    },
]
COLUMNS = ("case_id", "speaker", "utterance", "emotion", "trigger")


def as_table(columns: tuple[str, ...] = COLUMNS, delimiter: str = ",") -> str:
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter)
    writer.writerow(columns)
    for number, case in enumerate(CASES):
        lists = zip(case["speakers"], case["utterances"], case["emotions"], case["triggers"], strict=True)
        writer.writerows((f"case-{number}", *values) for values in lists)
    return file.getvalue()


def read(path: Path) -> list[tuple[object, ...]]:
    def labels(case: FlipCase) -> tuple[object, ...]:
        texts = [utterance.text for utterance in case.dialogue.utterances]
        return case.dialogue.speakers, texts, case.dialogue.emotions, case.flip.source, case.triggers

    return [labels(case) for case in read_flip_cases(path).cases]


@pytest.fixture
def expected(tmp_path: Path) -> list[tuple[object, ...]]:
    (tmp_path / "list.json").write_text(json.dumps(CASES), encoding="utf-8")
    cases = read(tmp_path / "list.json")
    assert [case[-1] for case in cases] == [{1}, set()]
    return cases


TEXTS = {
    "lines.jsonl": "".join(json.dumps(case, ensure_ascii=False) + "\n" for case in CASES),
    "lines.json": "\ufeff" + "\n\n".join(map(json.dumps, CASES)),
    "comma.csv": as_table(),
    "semicolon.csv": as_table(delimiter=";"),
    "tab.tsv": as_table(delimiter="\t"),
    "other names.csv": as_table(("Case", "Speaker", "Text", "Emotion", "Label")),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_file_of_cases_reads_the_same_in_every_form(name: str, tmp_path: Path, expected: object) -> None:
    (tmp_path / name).write_text(TEXTS[name], encoding="utf-8", newline="")
    assert detect_form(tmp_path / name) == "efr"
    assert read(tmp_path / name) == expected


def test_parquet_reads_the_same(tmp_path: Path, expected: object) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.Table.from_pylist(CASES), tmp_path / "cases.parquet")
    assert read(tmp_path / "cases.parquet") == expected


def test_one_line_of_jsonl_is_one_case(tmp_path: Path, expected: list[object]) -> None:
    (tmp_path / "one.jsonl").write_text(json.dumps(CASES[0]))
    assert read(tmp_path / "one.jsonl") == expected[:1]


def test_a_table_without_triggers_is_unlabelled(tmp_path: Path) -> None:
    rows = [line.rpartition(",")[0] for line in as_table().replace("\n", " ").split("\r ")]
    (tmp_path / "bare.csv").write_text("\n".join(rows).strip())
    assert [case.triggers for case in read_flip_cases(tmp_path / "bare.csv").cases] == [None, None]


HEADER = ",".join(COLUMNS)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.jsonl", '{"triggers": []}\n{"triggers": [}\n', r"a\.jsonl: line 2 column 15: not JSON: Expecting value"),
        ("a.jsonl", '{"triggers": []}\n[]\n', r"a\.jsonl: line 2: found list, expected an object"),
        ("a_efr.json", '[{"triggers": []}] 3', r"a_efr\.json: line 1 column 20: not JSON: Extra data"),
        ("a.csv", "case_id,utterance\n1,Hi\n", r"a\.csv line 1: no column called 'speaker', 'emotion'"),
        ("a.csv", f"{HEADER}\n1,Bo,Hi,joy\n", r"a\.csv line 2: 4 fields; expected 5"),
        ("a.csv", f"{HEADER}\n1,Bo,Hi,glad,0\n", r"a\.csv case 0 utterance 0: unknown emotion 'glad'"),
        ("a.csv", f"{HEADER}\n1,Bo,Hi,joy,2\n", r"a\.csv case 0 utterance 0: its trigger is '2', expected 0 or 1"),
        (
            "a.csv",
            f"{HEADER}\n1,Bo,Hi,joy,0\n2,Bo,Hi,joy,0\n1,Bo,Oh,fear,0\n",
            r"a\.csv case 2: the rows of case '1' do not follow each other",
        ),
        ("a.csv", HEADER, r"a\.csv: no entries"),
        ("a.parquet", "PAR1 and no more", r"a\.parquet: unreadable Parquet file"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(name: str, text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        read_flip_cases(tmp_path / name)


def test_a_file_in_no_known_form_names_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("what is this")
    (finding,) = scan_corpus(tmp_path / "notes.txt").findings
    assert finding.message.startswith("expected EFR or ERC as JSON, JSONL or Parquet, EFR as CSV")
