"""`fliptrace cues`, and `analyze` with a recording: the emotions and flips are those of the words alone."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pytest
from sounds import silence, tone, write
from typer.testing import CliRunner

import fliptrace
from fliptrace.cli.main import app
from fliptrace.core.errors import InputError

NUM = 10


@pytest.fixture
def call(tmp_path: Path) -> Path:
    """A transcript of ten utterances of two seconds; in the recording beside it the ninth is loud and high."""
    cues = [f"00:{2 * i:02d}.000 --> 00:{2 * i + 2:02d}.000\n<v Ana>Where is my parcel?\n" for i in range(NUM)]
    (tmp_path / "call.vtt").write_text("WEBVTT\n\n" + "\n".join(cues), encoding="utf-8")
    loud = [(300, 0.6) if i == 8 else (150, 0.1) for i in range(NUM)]
    parts = [part for hertz, level in loud for part in (silence(0.5), tone(hertz, 1.0, level), silence(0.5))]
    write(tmp_path / "call.wav", *parts)
    return tmp_path / "call.vtt"


@pytest.fixture
def script(tmp_path: Path) -> str:
    """A model that finds joy everywhere but at the eighth utterance, and no trigger."""
    rows = [
        {"key": "call/7/emotion", "answers": ["Emotion: anger"]},
        {"contains": "Which utterances", "answers": ["Triggers: none"]},
        {"default": True, "answers": ["Emotion: joy"]},
    ]
    (tmp_path / "script.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return f"scripted:{tmp_path / 'script.jsonl'}"


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_cues_are_shown_and_written_with_their_values(call: Path, tmp_path: Path) -> None:
    shown = run("cues", call, tmp_path / "call.wav", "--out", tmp_path / "cues.csv")
    assert "louder than usual, higher pitch" in " ".join(shown.split())
    with (tmp_path / "cues.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == NUM
    assert rows[8]["words"] == "louder than usual; higher pitch"
    assert float(rows[8]["pitch_hz"]) == pytest.approx(300, rel=0.01)
    assert float(rows[8]["loudness_db"]) - float(rows[0]["loudness_db"]) == pytest.approx(15.6, abs=0.5)


def test_a_recording_changes_no_emotion_and_no_flip(call: Path, script: str, tmp_path: Path) -> None:
    bare = json.loads(run("analyze", call, "--model", script, "--json"))
    with_sound = json.loads(run("analyze", call, "--model", script, "--json", "--audio", tmp_path / "call.wav"))
    assert [each["speaker"] for each in bare["flips"]] == ["Ana", "Ana"]
    measured = [each.pop("measured") for each in with_sound["utterances"]]
    assert measured[8]["words"] == ["louder than usual", "higher pitch"]
    for each in bare["utterances"]:
        assert each.pop("measured") is None
    assert with_sound == bare


def test_what_cues_writes_analyze_reads(call: Path, script: str, tmp_path: Path) -> None:
    run("cues", call, tmp_path / "call.wav", "--out", tmp_path / "cues.csv")
    first = run("analyze", call, "--model", script, "--json", "--audio", tmp_path / "call.wav")
    second = run("analyze", call, "--model", script, "--json", "--cues", tmp_path / "cues.csv")
    assert json.loads(first) == json.loads(second)


def test_two_recordings_are_one_too_many(call: Path, script: str, tmp_path: Path) -> None:
    sound = tmp_path / "call.wav"
    with pytest.raises(InputError, match="two recordings; expected one of them"):
        run("analyze", call, "--model", script, "--audio", sound, "--video", sound)


def test_a_transcript_without_times_is_told_what_it_lacks(call: Path, tmp_path: Path) -> None:
    (tmp_path / "call.txt").write_text("Ana: Where is my parcel?\nBen: Here.\n", encoding="utf-8")
    with pytest.raises(InputError, match="the transcript has no times"):
        run("cues", tmp_path / "call.txt", tmp_path / "call.wav")


def test_without_the_extra_the_error_names_it(call: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(InputError, match=r"pip install 'fliptrace\[cues\]'"):
        fliptrace.measure_cues(fliptrace.read_transcript(call), tmp_path / "call.wav")


def test_python_measures_transcripts_and_dialogues_alike(call: Path, tmp_path: Path) -> None:
    transcript = fliptrace.read_transcript(call)
    cues = fliptrace.measure_cues(transcript, tmp_path / "call.wav")
    assert cues == fliptrace.measure_cues(transcript.dialogue, str(tmp_path / "call.wav"))
    assert cues.utterances[8].words == ("louder than usual", "higher pitch")
