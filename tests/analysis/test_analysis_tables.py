"""Tables of an analysis have one row per utterance and no cell that a spreadsheet would run."""

from __future__ import annotations

import csv
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from analyses import support_call, two_friends, with_words

from fliptrace.analysis.result import Analysis
from fliptrace.analysis.tables import COLUMNS
from fliptrace.core.errors import MissingExtra
from fliptrace.inference.evidence import Evidence
from fliptrace.inference.word_evidence import WordEvidence
from fliptrace.transcripts.read import read_transcript


def written(analysis: Analysis, folder: Path) -> list[dict[str, str]]:
    analysis.to_csv(folder / "a.csv")
    with (folder / "a.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_one_row_per_utterance_with_the_flip_that_lands_there(tmp_path: Path) -> None:
    rows = written(support_call(), tmp_path)
    assert len(rows) == 24 and list(rows[0]) == list(COLUMNS)
    assert [row["index"] for row in rows] == [str(i) for i in range(24)]
    picked = {name: rows[7][name] for name in ("emotion", "probability", "flip_from", "flip_to", "triggers", "support")}
    assert picked == {
        "emotion": "anger",
        "probability": "0.91",
        "flip_from": "surprise",
        "flip_to": "anger",
        "triggers": "4 6",
        "support": "0.47 0.81",
    }
    assert (rows[0]["flip_from"], rows[0]["triggers"], rows[0]["reason"]) == ("", "", "")


def test_the_probability_of_a_flip_has_its_column(tmp_path: Path) -> None:
    analysis = two_friends("a", "b", "c")
    doubted = replace(analysis, flips=tuple(replace(found, probability=0.75) for found in analysis.flips))
    assert [row["flip_probability"] for row in written(doubted, tmp_path)] == ["", "", "0.75"]
    assert [row["flip_probability"] for row in written(analysis, tmp_path)] == ["", "", ""]


def test_an_uncertain_emotion_is_marked(tmp_path: Path) -> None:
    unsure = replace(support_call(), uncertain_below=0.5)
    rows = written(unsure, tmp_path)
    assert [row["index"] for row in rows if row["uncertain"] == "true"] == ["16"]  # disgust, 0.48
    assert {row["uncertain"] for row in rows} == {"true", "false"}
    assert {row["uncertain"] for row in written(support_call(), tmp_path)} == {"false"}


def test_evidence_has_its_columns(tmp_path: Path) -> None:
    call = support_call()
    evidence = (Evidence(4, 0.91, 0.25), Evidence(6, 0.91, 0.5))
    flips = tuple(replace(found, evidence=evidence) if found.flip.target == 7 else found for found in call.flips)
    words = {"typed": 0.6, "single": 0.4}
    rows = written(with_words(replace(call, flips=flips), 7, words), tmp_path)
    names = ("left_out", "with_all", "without", "emotion_words", "without_word")
    assert [rows[7][name] for name in names] == ["4 6", "0.91", "0.25 0.5", "typed single", "0.6 0.4"]
    assert {tuple(row[name] for name in names) for row in rows[:7]} == {("",) * 5}


def test_excel_is_told_that_it_is_utf8(tmp_path: Path) -> None:
    support_call().to_csv(tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes().startswith(b"\xef\xbb\xbfindex,")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_cell_that_a_spreadsheet_would_run_is_text(start: str, tmp_path: Path) -> None:
    text, name = f"{start}HYPERLINK(1)", f"{start}Ana"
    rows = written(two_friends(text, "1-2", "fine", speakers=(name, "Ben")), tmp_path)
    assert (rows[0]["text"], rows[0]["speaker"]) == (f"'{text}", f"'{name}")
    assert rows[1]["text"] == "1-2"


@pytest.mark.parametrize("word", ["=1+1", "@SUM(1)", "a;=1"])
def test_a_word_that_a_spreadsheet_would_run_is_text(word: str, tmp_path: Path) -> None:
    analysis = replace(two_friends(word, "b", "c"), words=(WordEvidence(0, 0, len(word), 0.75, 0.25),))
    assert "'=" in written(analysis, tmp_path)[0]["emotion_words"].replace("'@", "'=")


def test_quotes_line_breaks_and_commas_stay_in_their_cell(tmp_path: Path) -> None:
    text = 'she said "no",\nand left'
    assert written(two_friends(text, "a", "b"), tmp_path)[0]["text"] == text


FORMULAS = ["=cmd|' /C calc'!A0", "+1+cmd|'x'!A0", "-2+3", "@SUM(1;2)", "＝1+1"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("before", ["", "well;", "well; ", 'well;"', "well\n", "well\t"])
def test_no_cell_is_a_formula_whatever_separates_cells(
    before: str, formula: str, delimiter: str, tmp_path: Path
) -> None:
    two_friends(f"{before}{formula}", "b", "c").to_csv(tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as file:
        cells = [cell for row in csv.reader(file, delimiter=delimiter) for cell in row]
    assert not [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@", "＝"))]


@pytest.mark.parametrize("text", ["fine ;-)", "no ;-P", "a; b; 3-4", "well;-/ so"])
def test_ordinary_text_with_semicolons_stays_as_it_is(text: str, tmp_path: Path) -> None:
    assert written(two_friends(text, "a", "b"), tmp_path)[0]["text"] == text


def test_the_table_is_a_transcript_again(tmp_path: Path) -> None:
    analysis = support_call()
    analysis.to_csv(tmp_path / "call.csv")
    again = read_transcript(tmp_path / "call.csv").dialogue
    assert [(u.speaker, u.text, u.emotion, u.start) for u in again.utterances] == [
        (u.speaker, u.text, u.emotion, u.start) for u in analysis.dialogue.utterances
    ]


def test_the_frame_keeps_text_as_it_is_and_numbers_as_numbers() -> None:
    pytest.importorskip("pandas")
    frame = two_friends("=1+1", "x", "fine").to_frame()
    assert list(frame.columns) == list(COLUMNS[1:]) and frame.index.name == "index"
    assert frame.loc[0, "text"] == "=1+1"
    assert frame.loc[2, "triggers"] == (1,) and frame.loc[2, "support"] == (0.75,)
    assert frame["uncertain"].tolist() == [False] * 3
    assert frame["start"].dtype == float and frame["flip_source"].dropna().tolist() == [0]


def test_without_pandas_the_frame_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtra, match=r"needs pandas; install it with: pip install 'fliptrace\[study\]'"):
        support_call().to_frame()
