"""Conversations in files, folders, patterns and tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fliptrace.batch.conversations import find_files, read_conversations
from fliptrace.core.errors import InputError
from fliptrace.transcripts.read import parse_transcript

CALLS = [
    {"call": "c1", "speaker": "Ana", "text": "I lost my keys."},
    {"call": "c1", "speaker": "Bo", "text": "Here they are!"},
    {"call": "c2", "speaker": "Ana", "text": "You are late; again."},
]


def write_table(path: Path, rows: list[dict[str, str]]) -> Path:
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif path.suffix == ".parquet":
        pyarrow = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    else:
        mark = "\t" if path.suffix == ".tsv" else ","
        lines = [mark.join(rows[0]), *(mark.join(row.values()) for row in rows)]
        path.write_text("\ufeff" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_files_folders_and_patterns_are_each_file_once_in_order(tmp_path: Path) -> None:
    for name in ("b.vtt", "a.txt", "deep/c.srt", ".hidden/d.vtt", "picture.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("Ana: hi")
    inputs = [str(tmp_path / "b.vtt"), str(tmp_path), str(tmp_path / "**" / "*.srt")]
    assert find_files(inputs) == [tmp_path / name for name in ("b.vtt", "a.txt", "deep/c.srt")]


@pytest.mark.parametrize("name", ["nothing", "nothing/*.vtt", "missing.vtt"])
def test_what_names_no_file_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "nothing").mkdir()
    with pytest.raises(InputError, match="no transcripts; expected a"):
        find_files([str(tmp_path / name)])


def test_without_a_column_a_file_is_one_conversation(tmp_path: Path) -> None:
    path = write_table(tmp_path / "calls.csv", CALLS)
    (found,) = read_conversations([path])
    assert (found.id, found.name, found.data) == (str(path), "calls.csv", path.read_bytes())


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_a_table_is_split_by_a_column(tmp_path: Path, suffix: str) -> None:
    path = write_table(tmp_path / f"calls.{suffix}", CALLS)
    found = list(read_conversations([path], "call"))
    assert [each.id for each in found] == [f"{path}#c1", f"{path}#c2"]
    said = [parse_transcript(each.data, each.name).dialogue for each in found]
    assert [[(u.speaker, u.text) for u in dialogue.utterances] for dialogue in said] == [
        [("Ana", "I lost my keys."), ("Bo", "Here they are!")],
        [("Ana", "You are late; again.")],
    ]
    assert len({each.sha256 for each in found}) == 2


def test_rows_of_a_conversation_follow_each_other(tmp_path: Path) -> None:
    path = write_table(tmp_path / "calls.jsonl", [*CALLS, CALLS[0]])
    with pytest.raises(InputError, match=r"row 4: conversation 'c1' again; .*: sort them by 'call'"):
        list(read_conversations([path], "call"))


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_a_table_without_the_column_names_those_that_it_has(tmp_path: Path, suffix: str) -> None:
    path = write_table(tmp_path / f"calls.{suffix}", CALLS)
    with pytest.raises(InputError, match=r"row 1: no conversation in column 'id'; .* 'call', 'speaker', 'text'"):
        list(read_conversations([path], "id"))


def test_what_is_no_table_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and no more")
    (tmp_path / "a.jsonl").write_text('{"call": "c1", "text": "hi"}\n[1]\n')
    with pytest.raises(InputError, match=r"a\.parquet: unreadable Parquet file"):
        list(read_conversations([tmp_path / "a.parquet"], "call"))
    (tmp_path / "a.csv").write_text(f"call,text\nc1,{'x' * 200_000}\n")
    with pytest.raises(InputError, match=r"a\.csv: unreadable table: field larger"):
        list(read_conversations([tmp_path / "a.csv"], "call"))
    with pytest.raises(InputError, match=r"a\.jsonl: line 2: found list, expected an object"):
        list(read_conversations([tmp_path / "a.jsonl"], "call"))
