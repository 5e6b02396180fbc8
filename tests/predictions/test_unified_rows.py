from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_cases import CAFE, NASTY_TEXTS

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json, write_jsonl
from fliptrace.core.flips import find_flips
from fliptrace.core.messages import Answer
from fliptrace.core.voting import vote
from fliptrace.predictions.rows import EmotionPrediction, read_predictions
from fliptrace.predictions.unified_rows import GoldFlip, PredictedFlip, UnifiedPrediction

FLIPS = find_flips(CAFE.dialogue)
ROW = UnifiedPrediction(
    id="cafe",
    group="cafe",
    corpus="toy",
    split="val",
    speakers=CAFE.dialogue.speakers,
    gold=CAFE.dialogue.emotions,
    emotions=("neutral", "neutral", "anger", "neutral", "anger", "fear"),
    gold_flips=(GoldFlip(FLIPS[0]), GoldFlip(FLIPS[1], frozenset({2, 4}), known_from=1)),
    flips=tuple(PredictedFlip(f, vote([frozenset({1})], 6), (Answer(frozenset({1}), "Triggers: 2"),)) for f in FLIPS),
    num_unparsed=1,
)


def write(path: Path, *rows: Json) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    said = [Answer(None, text, ("unreadable",), ("out of form",)) for text in NASTY_TEXTS]
    flips = (replace(ROW.flips[0], answers=tuple(said), remaining=0.25, num_dropped=3), ROW.flips[1])
    rows = [ROW, replace(ROW, id="b", flips=flips, counted_from=6), replace(ROW, id="c", flips=(), gold_flips=())]
    write_jsonl(tmp_path / "u.jsonl", (row.to_json() for row in rows))
    assert read_predictions(tmp_path / "u.jsonl") == rows


WRONG_VALUES: list[tuple[Json, str]] = [
    ({"speakers": ["Ana"]}, "1 speakers, 6 gold and 6 predicted emotions"),
    ({"emotions": [None] * 6}, "emotions holds None; expected a string"),
    (
        {"emotions": ["neutral", "neutral", "joy", *["fear"] * 3]},
        "predicted flip with target 2: expected it to match the predicted emotions",
    ),
    ({"gold": ["joy"] * 6}, "gold flip with target 2: expected it to match the gold emotions"),
    ({"counted_from": 7}, r"counted_from is 7; expected 0\.\.6"),
    ({"gold_flips": [ROW.gold_flips[0].to_json()] * 2}, r"gold flips have targets \[2, 2\]; expected each once"),
    ({"flips": [ROW.flips[1].to_json() | {"target": 9}]}, r"predicted flip with target 9; expected 0\.\.5"),
    ({"flips": [ROW.flips[1].to_json() | {"support": [0.0] * 5}]}, "support for 5 utterances; expected 6"),
    ({"gold_flips": [ROW.gold_flips[1].to_json() | {"triggers": [6]}]}, r"gold triggers \[6\]; expected 0\.\.5"),
    ({"gold_flips": [ROW.gold_flips[1].to_json() | {"known_from": 6}]}, r"known_from 6; expected 0\.\.5"),
    ({"flips": None}, "flips is None; expected a list"),
]


@pytest.mark.parametrize(("change", "message"), WRONG_VALUES)
def test_a_damaged_row_is_refused_by_its_line(tmp_path: Path, change: Json, message: str) -> None:
    with pytest.raises(InputError, match=rf"u\.jsonl line 1: .*{message}"):
        read_predictions(write(tmp_path / "u.jsonl", ROW.to_json() | change))


def test_a_row_that_lacks_any_field_is_refused_by_its_name(tmp_path: Path) -> None:
    row = ROW.to_json()
    for name in row.keys() - {"task", "unparsed"}:
        with pytest.raises(InputError, match=f"line 1: no field '{name}'; not a row of a prediction file"):
            read_predictions(write(tmp_path / "u.jsonl", {key: row[key] for key in row if key != name}))


def test_rows_of_two_tasks_are_refused(tmp_path: Path) -> None:
    other = EmotionPrediction("e", "e", "toy", "val", ("Ana",), ("joy",), ("joy",))
    with pytest.raises(InputError, match="rows of two tasks"):
        read_predictions(write(tmp_path / "u.jsonl", ROW.to_json(), other.to_json()))


junk = st.sampled_from([None, True, -1, 3, 9**30, 0.5, "", "x", [], ["x"], [None], [-1], [{}], {}, {"a": 1}])


@given(st.sampled_from(sorted(ROW.to_json())), junk, st.booleans())
def test_junk_in_any_field_is_read_or_refused_never_a_crash(
    tmp_path_factory: pytest.TempPathFactory, name: str, value: Any, in_flip: bool
) -> None:
    row = ROW.to_json()
    if in_flip:
        row["flips"][0] |= {sorted(row["flips"][0])[len(name) % 12]: value}
    else:
        row |= {name: value}
    path = write(tmp_path_factory.mktemp("junk") / "u.jsonl", row)
    try:
        [read] = read_predictions(path)
    except InputError as error:
        assert str(error).startswith(f"{path} line 1: ")
        return
    assert isinstance(read, UnifiedPrediction)
