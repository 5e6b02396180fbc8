"""Cues beside the words of an analysis: shown everywhere, and read by nobody."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from analyses import support_call, with_cues

from fliptrace.analysis.result import Analysis
from fliptrace.analysis.tables import COLUMNS
from fliptrace.core.errors import InputError
from fliptrace.cues.values import UtteranceCues
from fliptrace.transcripts.read import read_transcript

CALL = with_cues(support_call())


def test_cues_change_nothing_else_of_an_analysis() -> None:
    bare = support_call()
    assert replace(CALL, measured=(), notes=bare.notes) == bare


def test_cues_are_in_no_utterance_and_so_in_no_prompt() -> None:
    assert CALL.dialogue == support_call().dialogue


def test_json_has_values_and_words_and_is_read_back() -> None:
    document = json.loads(json.dumps(CALL.to_json()))
    told = document["utterances"][7]
    assert told["measured"] == {
        "values": {"loudness_db": -14.0, "pitch_hz": 228.0},
        "words": ["louder than usual", "higher pitch", "faster"],
    }
    assert told["cues"] == ["raises her voice"]
    assert Analysis.from_json(document).measured == CALL.measured


def test_json_without_cues_says_null() -> None:
    assert {each["measured"] for each in support_call().to_json()["utterances"]} == {None}


def test_json_with_cues_of_some_utterances_only_is_refused() -> None:
    document = CALL.to_json()
    document["utterances"][3]["measured"] = None
    with pytest.raises(InputError, match="only some utterances"):
        Analysis.from_json(document)


def test_the_table_has_a_column_for_every_value(tmp_path: Path) -> None:
    CALL.to_csv(tmp_path / "call.csv")
    with (tmp_path / "call.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [*COLUMNS, "cue_words", "cue_loudness_db", "cue_pitch_hz"]
    assert rows[7]["cue_words"] == "louder than usual; higher pitch; faster"
    assert (rows[7]["cue_loudness_db"], rows[7]["cue_pitch_hz"]) == ("-14.0", "228.0")
    assert (rows[2]["cue_words"], rows[2]["cue_pitch_hz"]) == ("", "")


def test_the_table_with_cues_is_the_same_transcript_again(tmp_path: Path) -> None:
    CALL.to_csv(tmp_path / "with.csv")
    support_call().to_csv(tmp_path / "without.csv")
    first, second = (read_transcript(tmp_path / name).dialogue.utterances for name in ("with.csv", "without.csv"))
    assert first == second


def test_the_frame_has_the_same_columns() -> None:
    pytest.importorskip("pandas")
    frame = CALL.to_frame()
    assert list(frame.columns) == [*COLUMNS[1:], "cue_words", "cue_loudness_db", "cue_pitch_hz"]
    assert frame.loc[7, "cue_pitch_hz"] == 228.0
    assert frame["cue_pitch_hz"].isna().sum() == 1


def test_a_value_is_a_number_or_is_not_there() -> None:
    with pytest.raises(ValueError, match="pitch_hz is nan"):
        UtteranceCues({"pitch_hz": math.nan})


def test_cues_of_another_dialogue_are_refused() -> None:
    with pytest.raises(ValueError, match="cues of 1 utterances in a dialogue of 24"):
        replace(CALL, measured=CALL.measured[:1])
