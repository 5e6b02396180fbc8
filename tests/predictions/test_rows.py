from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_cases import CAFE, NASTY_TEXTS, flip_cases, texts

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json, write_json, write_jsonl
from fliptrace.core.flips import FlipCase
from fliptrace.core.messages import Answer
from fliptrace.core.voting import vote
from fliptrace.predictions.rows import EmotionPrediction, Prediction, manifest_path, read_manifest, read_predictions

DRAFTS = (Answer(frozenset({2}), "Triggers: 3"), Answer(None, "Hm.", ("unreadable",)))
ANSWERS = (Answer(frozenset({2, 4}), "Triggers: 3 5"), Answer(frozenset(), "Triggers: none"))
PREDICTION = Prediction.of(CAFE, vote([a.value for a in ANSWERS], 6), ANSWERS, DRAFTS, (False, None), num_dropped=1)
EMOTIONS = EmotionPrediction("cafe", "cafe", "toy", "val", ("Ana", "Ben"), ("joy", None), ("joy", "fear"))


@st.composite
def predictions(draw: st.DrawFn) -> Prediction:
    case = draw(flip_cases())
    values = draw(st.lists(st.none() | st.frozensets(st.integers(0, case.flip.target)), min_size=1, max_size=7))
    answers = [Answer(value, draw(texts), () if value is not None else ("unreadable",)) for value in values]
    gold = draw(st.none() | st.just(case.triggers))
    return Prediction.of(replace(case, triggers=gold), vote(values, len(case.dialogue)), answers)


def write(path: Path, *rows: Json) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@given(predictions())
def test_a_prediction_is_read_as_it_was_written(prediction: Prediction) -> None:
    """Support is exact to the last digit, so a threshold chosen from the file equals one chosen in memory."""
    assert Prediction.from_json(json.loads(json.dumps(prediction.to_json()))) == prediction


@given(flip_cases())
def test_a_prediction_holds_all_of_its_case_that_scoring_takes(case: FlipCase) -> None:
    prediction = Prediction.of(case, vote([], len(case.dialogue)), [])
    assert (prediction.id, prediction.dialogue_id, prediction.group) == (case.id, case.dialogue.id, case.group)
    assert (prediction.speakers, prediction.emotions) == (case.dialogue.speakers, case.dialogue.emotions)
    assert (prediction.flip, prediction.known_from, prediction.gold) == (case.flip, case.known_from, case.triggers)


def test_files_of_both_tasks_are_read_as_they_were_written(tmp_path: Path) -> None:
    nasty = [replace(PREDICTION, id=text or "-", answers=(Answer(None, text), ANSWERS[0])) for text in NASTY_TEXTS]
    write_jsonl(tmp_path / "p.jsonl", (row.to_json() for row in nasty))
    write_jsonl(tmp_path / "e.jsonl", [EMOTIONS.to_json()])
    assert read_predictions(tmp_path / "p.jsonl") == nasty
    assert read_predictions(tmp_path / "e.jsonl") == [EMOTIONS]


WRONG_VALUES: list[tuple[Json, str]] = [
    ({"id": 7}, "id is 7; expected a string"),
    ({"id": ["a"]}, r"id is \['a'\]; expected a string"),
    ({"group": None}, "group is None; expected a string"),
    ({"speakers": "Ben, Ana"}, "speakers is 'Ben, Ana'; expected a list"),
    ({"speakers": ["Ben", 3]}, "speakers holds 3; expected a string"),
    ({"speakers": ["Ben"] * 5}, "5 speakers, 6 emotions and support for 6 utterances"),
    ({"emotions": ["joy"] * 7}, "6 speakers, 7 emotions and support for 6 utterances"),
    ({"emotions": ["joy"] * 5 + [0]}, "emotions holds 0; expected a string or null"),
    ({"support": [0.0] * 5}, "6 speakers, 6 emotions and support for 5 utterances"),
    ({"support": [0.0] * 5 + [1.5]}, "expected shares from 0 to 1"),
    ({"support": [0.0] * 5 + ["0.5"]}, "support holds '0.5'; expected a number"),
    ({"support": [0.0] * 5 + [True]}, "support holds True; expected a number"),
    ({"triggers": ["2"]}, "triggers holds '2'; expected an integer"),
    ({"triggers": [2.0]}, "triggers holds 2.0; expected an integer"),
    ({"triggers": [True]}, "triggers holds True; expected an integer"),
    ({"triggers": None}, "triggers is None; expected a list"),
    ({"triggers": [6]}, r"triggers \[6\], but support for 6 utterances"),
    ({"triggers": [-1]}, r"triggers \[-1\], but support"),
    ({"gold": [6]}, r"gold triggers \[6\]; expected 0\.\.5, the target"),
    ({"gold": [-1]}, r"gold triggers \[-1\]; expected"),
    ({"gold": 2}, "gold is 2; expected a list"),
    ({"gold": [[2]]}, r"gold holds \[2\]; expected an integer"),
    ({"known_from": 6}, r"labels known from 6, expected 0\.\.5"),
    ({"known_from": -1}, "labels known from -1"),
    ({"known_from": "0"}, "known_from is '0'; expected an integer"),
    ({"num_valid": 3}, "3 valid answers of 2"),
    ({"num_samples": None}, "num_samples is None; expected an integer"),
    ({"answers": ["Triggers: 3"]}, "answers holds 'Triggers: 3'; expected an object"),
    ({"answers": [{"text": None, "value": None, "anomalies": []}]}, "text is None; expected a string"),
    ({"answers": [{"text": "", "value": [None], "anomalies": []}]}, "value holds None; expected an integer"),
    ({"answers": [{"text": "", "value": None, "anomalies": ["odd"]}]}, "anomalies holds 'odd'; expected one of"),
    ({"answers": [{"text": ""}]}, "no field 'anomalies'"),
    ({"answers": [{"text": "", "value": None, "anomalies": [], "prevented": ["odd"]}]}, "prevented holds 'odd'; exp"),
    ({"remaining": "0.1"}, "remaining holds '0.1'; expected a number or an integer or null"),
    ({"remaining": 1.5}, "remaining is 1.5; expected 0 to 1"),
    ({"emotions_from": "me"}, "emotions_from is 'me'; expected 'gold' or 'predicted'"),
    ({"drafts": []}, "2 answers, 0 drafts, 2 verdicts"),
    ({"verdicts": [True]}, "2 answers, 2 drafts, 1 verdicts"),
    ({"verdicts": ["right", None]}, "verdicts holds 'right'; expected true or false or null"),
    ({"num_dropped": 1.0}, "num_dropped is 1.0; expected an integer"),
    ({"flip": None}, "flip is None; expected an object"),
    ({"flip": {"speaker": "Ana"}}, "no field 'source'"),
    ({"task": "triggers"}, "task 'triggers'; expected 'trigger', 'emotion', 'unified'"),
    ({"task": None}, "task None; expected"),
]


@pytest.mark.parametrize(("change", "message"), WRONG_VALUES)
def test_a_damaged_row_is_refused_by_its_line(tmp_path: Path, change: Json, message: str) -> None:
    path = write(tmp_path / "p.jsonl", replace(PREDICTION, id="other").to_json(), PREDICTION.to_json() | change)
    with pytest.raises(InputError, match=rf"p\.jsonl line 2: .*{message}"):
        read_predictions(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": 6}, r"target 6; expected 0\.\.5"),
        ({"target": 1}, "the source must come first"),
        ({"target": "5"}, "target is '5'; expected an integer"),
        ({"source": -1}, "the source must come first"),
        ({"after": "neutral"}, "a flip from neutral to neutral is not a change"),
    ],
)
def test_a_damaged_flip_is_refused_by_its_line(tmp_path: Path, change: Json, message: str) -> None:
    row = PREDICTION.to_json()
    with pytest.raises(InputError, match=rf"p\.jsonl line 1: .*{message}"):
        read_predictions(write(tmp_path / "p.jsonl", row | {"flip": row["flip"] | change}))


@pytest.mark.parametrize("row", [PREDICTION.to_json(), EMOTIONS.to_json()])
def test_a_row_that_lacks_any_field_is_refused_by_its_name(tmp_path: Path, row: Json) -> None:
    assert len(row) >= 8
    for name in row.keys() - {"task", "remaining", "emotions_from", "num_unparsed", "unparsed"}:
        with pytest.raises(InputError, match=f"line 1: no field '{name}'; not a row of a prediction file"):
            read_predictions(write(tmp_path / "p.jsonl", {key: row[key] for key in row if key != name}))


def test_a_file_from_before_exact_and_constrained_decoding_is_read(tmp_path: Path) -> None:
    old = PREDICTION.to_json()
    del old["remaining"], old["emotions_from"]
    for answer in (*old["answers"], *old["drafts"]):
        del answer["prevented"]
    assert read_predictions(write(tmp_path / "p.jsonl", old)) == [PREDICTION]


def test_the_remaining_mass_and_what_was_prevented_come_back(tmp_path: Path) -> None:
    answers = (Answer(frozenset({2}), "Triggers: 3", (), ("after the target", "out of form")),)
    row = replace(PREDICTION, answers=answers, drafts=(), verdicts=(), remaining=0.25)
    write_jsonl(tmp_path / "p.jsonl", [row.to_json()])
    assert read_predictions(tmp_path / "p.jsonl") == [row]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"speakers": ["Ana"]}, "dialogue 'cafe': 1 speakers, 2 gold and 2 predicted emotions"),
        ({"emotions": ["joy", None]}, "emotions holds None; expected a string"),
        ({"gold": None}, "gold is None; expected a list"),
    ],
)
def test_a_damaged_row_of_emotions_is_refused_by_its_line(tmp_path: Path, change: Json, message: str) -> None:
    with pytest.raises(InputError, match=rf"p\.jsonl line 1: {message}"):
        read_predictions(write(tmp_path / "p.jsonl", EMOTIONS.to_json() | change))


junk = st.sampled_from([None, True, -1, 3, 9**30, 0.5, "", "x", [], ["x"], [None], [-1], [{}], {}, {"a": 1}])


@given(st.sampled_from(sorted(PREDICTION.to_json())), junk)
def test_junk_in_any_field_is_read_or_refused_never_a_crash(
    tmp_path_factory: pytest.TempPathFactory, name: str, value: Any
) -> None:
    path = write(tmp_path_factory.mktemp("junk") / "p.jsonl", PREDICTION.to_json() | {name: value})
    try:
        [read] = read_predictions(path)
    except InputError as error:
        assert str(error).startswith(f"{path} line 1: ")
        return
    assert read.to_json()[name] == value


def test_an_id_that_stands_twice_is_refused_by_both_its_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "p.jsonl", PREDICTION.to_json(), PREDICTION.to_json())
    with pytest.raises(InputError, match="line 2: id 'cafe' is on line 1 already"):
        read_predictions(path)


@pytest.mark.parametrize(
    ("rows", "message"),
    [([PREDICTION.to_json(), EMOTIONS.to_json() | {"id": "e"}], "rows of two tasks"), ([], "no predictions")],
)
def test_a_file_is_of_one_task(tmp_path: Path, rows: list[Json], message: str) -> None:
    with pytest.raises(InputError, match=rf"p\.jsonl: {message}"):
        read_predictions(write(tmp_path / "p.jsonl", *rows))


def test_a_manifest_of_version_0_1_calls_its_inference_a_reading(tmp_path: Path) -> None:
    write_json(manifest_path(tmp_path / "p.jsonl"), {"model": "m", "reading": {"ask": "chain"}})
    assert read_manifest(tmp_path / "p.jsonl") == {"model": "m", "inference": {"ask": "chain"}}
