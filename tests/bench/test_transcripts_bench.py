"""The benchmark of the transcript readers writes a valid file for each format. Speed is not tested."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import pytest

from fliptrace.transcripts.read import READERS, read_transcript

BENCH = Path(__file__).parents[2] / "bench"
NUM_UTTERANCES = 30


@pytest.fixture(autouse=True)
def bench_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCH))


def test_the_table_has_times_memory_and_ratios_for_each_format(tmp_path: Path) -> None:
    formats = ["srt", "whisperx", "docx"]
    arguments = ["--formats", *formats, "--utterances", str(NUM_UTTERANCES), "--repeats", "1"]
    import_module("transcripts").main([*arguments, "--out", str(tmp_path / "found.json")])
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["command"] and found["versions"]["pysubs2"] and not found["unwritten"]
    assert [row["format"] for row in found["formats"]] == formats
    for row in found["formats"]:
        assert row["num_read"] == NUM_UTTERANCES and not row["remarks"]
        assert row["utterances_per_second"] > 0 and row["peak_bytes"] > 0
    assert [list(row["ratios"]) for row in found["formats"]] == [["pysubs2", "webvtt"], ["json"], []]


def test_a_format_that_cannot_be_written_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(import_module("transcript_files").WRITERS, "srt")
    arguments = ["--formats", "srt", "csv", "--utterances", str(NUM_UTTERANCES), "--repeats", "1"]
    import_module("transcripts").main([*arguments, "--out", str(tmp_path / "found.json")])
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["unwritten"] == ["srt"]
    assert [row["format"] for row in found["formats"]] == ["csv"]


def test_every_file_is_detected_and_read_in_full(tmp_path: Path) -> None:
    files = import_module("transcript_files")
    formats = [name for name in files.WRITERS if name in READERS and files.can_write(name)]
    assert len(formats) >= 84  # of 87 formats: RTTM has no words, and two need a library to write
    said = files.make_dialogue(NUM_UTTERANCES, seed=0)
    for format, path in import_module("transcripts").write_files(formats, NUM_UTTERANCES, 0, tmp_path).items():
        transcript = read_transcript(path)
        assert (transcript.format, len(transcript)) == (format, len(said))
