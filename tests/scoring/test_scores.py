from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scored_cases import UNIFIED, prediction

from fliptrace.core.errors import InputError
from fliptrace.core.files import write_json, write_jsonl
from fliptrace.predictions.rows import EmotionPrediction, Prediction, manifest_path
from fliptrace.predictions.writer import write_predictions
from fliptrace.scoring.scores import TriggerFileScores, compare_files, score_file

REPOSITORY = Path(__file__).parents[2]
ROWS = [
    prediction("a", [3], [3]),
    prediction("b", [4], [3, 4], group="a"),
    prediction("c", None, [], anomalies=("unreadable",)),
    prediction("d", [1], None),
]
EMOTIONS = [
    EmotionPrediction("a", "a", "toy", "val", ("Ana", "Ben"), ("joy", None), ("joy", "anger")),
    EmotionPrediction("b", "b", "toy", "val", ("Ana",), ("fear",), ("joy",)),
]


@pytest.fixture
def trigger_file(tmp_path: Path) -> Path:
    write_jsonl(tmp_path / "triggers.jsonl", (row.to_json() for row in ROWS))
    return tmp_path / "triggers.jsonl"


@pytest.fixture
def emotion_file(tmp_path: Path) -> Path:
    write_jsonl(tmp_path / "emotions.jsonl", (row.to_json() for row in EMOTIONS))
    return tmp_path / "emotions.jsonl"


LONG = ("baselines", "breakdown", "anomalies", "prevented")


def test_the_json_of_a_trigger_file_is_the_documented_one(trigger_file: Path) -> None:
    written: dict[str, Any] = json.loads(json.dumps(score_file(trigger_file, num_draws=200, seed=7).to_json()))
    low, high = written.pop("interval")
    assert 0 <= low <= written["trigger_f1"] <= high <= 1
    assert {name: written[name] for name in written if name not in LONG} == {
        "task": "trigger",
        "experiment": "gold emotions",
        "trigger_f1": 0.8,
        "trigger_precision": 1.0,
        "trigger_recall": 0.666667,
        "exact_match": 0.666667,
        "macro_f1": 0.88,
        "weighted_f1": 0.928,
        "num_flips": 3,
        "num_utterances": 15,
        "num_groups": 2,
        "num_missing": None,
        "labels_match": None,
        "num_unlabelled": 1,
        "num_unparsed": 1,
        "num_answers": 3,
        "mean_remaining": None,
        "settings": {"num_draws": 200, "seed": 7},
    }
    assert written["anomalies"]["unreadable"] == 1
    assert set(written["prevented"].values()) == {0}
    assert list(written["baselines"]) == ["previous", "previous-or-self", "previous-plus-self"]
    assert written["baselines"]["previous"]["trigger_f1"] == 0.666667
    assert list(written["breakdown"]) == ["by_flip_type", "by_distance", "by_length", "by_speakers"]


def test_the_json_of_an_emotion_file_is_the_documented_one(emotion_file: Path) -> None:
    written = score_file(emotion_file, num_draws=50).to_json()
    assert json.loads(json.dumps(written, allow_nan=False)) == written
    assert (written["task"], written["accuracy"], written["num_unlabelled"]) == ("emotion", 0.5, 1)
    assert written["kappa"] == 0.0  # one of two is right, as by always saying joy
    assert written["by_label"]["fear"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "num_gold": 1}


def test_the_experiments_go_under_their_names_and_are_not_mixed(tmp_path: Path) -> None:
    path = tmp_path / "predicted.jsonl"
    predicted = [replace(row, emotions_from="predicted") for row in ROWS]
    write_jsonl(path, (row.to_json() for row in predicted))
    assert score_file(path, num_draws=50).to_json()["experiment"] == "predicted emotions"
    write_jsonl(path, (row.to_json() for row in (ROWS[0], *predicted[1:])))
    with pytest.raises(InputError, match=r"predicted\.jsonl: rows with gold and rows with predicted emotions"):
        score_file(path)


def test_the_table_has_the_model_then_the_rules(trigger_file: Path) -> None:
    scores = score_file(trigger_file, num_draws=50)
    assert isinstance(scores, TriggerFileScores)
    assert [row.name for row in scores.rows()] == ["model", "previous", "previous-or-self", "previous-plus-self"]
    assert scores.rows()[0].f1 == pytest.approx(0.8)


def test_the_same_file_draws_and_seed_give_the_same_json(trigger_file: Path) -> None:
    assert score_file(trigger_file, num_draws=50).to_json() == score_file(trigger_file, num_draws=50).to_json()


def test_a_file_without_labels_is_refused_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "unlabelled.jsonl"
    write_jsonl(path, [prediction("a", [3], None).to_json()])
    with pytest.raises(InputError, match=r"unlabelled\.jsonl: no labels"):
        score_file(path)


def test_files_are_compared_by_name(trigger_file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    write_jsonl(other, (row.to_json() for row in ROWS[1:]))
    assert compare_files(trigger_file, trigger_file, num_draws=50).p_value == 1.0
    with pytest.raises(InputError, match=r"other\.jsonl: no case 'a', which is in .*triggers\.jsonl"):
        compare_files(trigger_file, other)


def test_emotion_files_are_not_compared(trigger_file: Path, emotion_file: Path) -> None:
    with pytest.raises(InputError, match="no trigger predictions"):
        compare_files(emotion_file, trigger_file)


def test_every_field_that_is_written_is_documented(trigger_file: Path, emotion_file: Path) -> None:
    documented = set(re.findall(r"`([a-z_0-9]+)`", (REPOSITORY / "docs" / "formats.md").read_text("utf-8")))
    rows = [ROWS[0].to_json(), ROWS[0].to_json()["flip"], ROWS[0].to_json()["answers"][0], EMOTIONS[0].to_json()]
    results = [score_file(path, num_draws=10).to_json() for path in (trigger_file, emotion_file)]
    results.append(compare_files(trigger_file, trigger_file, num_draws=10).to_json())
    results += [results[0]["settings"], results[0]["breakdown"], results[0]["breakdown"]["by_distance"]["1"]]
    results += [results[0]["baselines"]["previous"], results[1]["by_label"]["joy"]]
    write_jsonl(trigger_file.with_name("unified.jsonl"), [UNIFIED.to_json()])
    results.append(score_file(trigger_file.with_name("unified.jsonl"), num_draws=10).to_json())
    rows += [UNIFIED.to_json(), UNIFIED.gold_flips[0].to_json(), UNIFIED.flips[0].to_json()]
    written = {field for row in (*rows, *results) for field in row}
    assert len(written) > 70
    assert written - documented == set()


@pytest.fixture
def shortened(trigger_file: Path) -> Path:
    """The trigger file without its last row, beside a manifest that counts all of them."""
    write_jsonl(trigger_file, (row.to_json() for row in ROWS[:-1]))
    write_json(manifest_path(trigger_file), {"num_cases": len(ROWS)})
    return trigger_file


def test_rows_that_a_file_lacks_are_counted_by_its_manifest(shortened: Path, emotion_file: Path) -> None:
    assert score_file(shortened, num_draws=10).to_json()["num_missing"] == 1
    for num_dialogues, num_missing in ((2, 0), (5, 3), (1, -1)):
        write_json(manifest_path(emotion_file), {"task": "emotion", "num_dialogues": num_dialogues})
        assert score_file(emotion_file, num_draws=10).to_json()["num_missing"] == num_missing


def test_a_file_that_lacks_rows_is_compared_only_if_told(shortened: Path) -> None:
    with pytest.raises(InputError, match=r"triggers.jsonl: 3 rows, but its manifest counts 4; .* or --allow-missing"):
        compare_files(shortened, shortened, num_draws=10)
    written = compare_files(shortened, shortened, num_draws=10, allow_missing=True).to_json()
    assert (written["num_missing_a"], written["num_missing_b"]) == (1, 1)


@pytest.fixture
def written(trigger_file: Path) -> Path:
    """The trigger file as it is written, with its manifest."""
    trigger_file.unlink()
    write_predictions(trigger_file, {"num_cases": len(ROWS)}, Prediction.from_json, lambda num_done: ROWS[num_done:])
    return trigger_file


def test_other_votes_do_not_change_the_labels(written: Path) -> None:
    assert score_file(written, num_draws=10).to_json()["labels_match"] is True
    write_jsonl(written, (row.to_json() | {"triggers": [], "support": [0] * len(row.speakers)} for row in ROWS))
    assert score_file(written, num_draws=10).to_json()["labels_match"] is True


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: [rows[0] | {"gold": rows[0]["gold"][:-1]}, *rows[1:]],
        lambda rows: [rows[0], rows[1], rows[2], rows[0] | {"id": "d"}],  # an easy case in place of a hard one
        lambda rows: [row | {"group": row["id"]} for row in rows],  # narrower intervals
        lambda rows: [rows[0] | {"known_from": 1}, *rows[1:]],
    ],
    ids=["gold", "a case again under another name", "groups", "known from"],
)
def test_labels_that_were_changed_are_said_and_compared_only_if_told(change: Any, written: Path) -> None:
    rows = change([row.to_json() for row in ROWS])
    write_jsonl(written, rows)
    assert score_file(written, num_draws=10).to_json()["labels_match"] is False
    with pytest.raises(
        InputError, match=r"triggers.jsonl: other cases or labels than it was written with.*--allow-oth"
    ):
        compare_files(written, written, num_draws=10)
    told = compare_files(written, written, num_draws=10, allow_other_labels=True).to_json()
    assert (told["labels_match_a"], told["labels_match_b"]) == (False, False)
    write_jsonl(written, rows[:2])  # what is missing is said instead
    assert score_file(written, num_draws=10).to_json()["labels_match"] is None


def test_two_files_with_different_labels_are_never_compared(written: Path) -> None:
    other = written.with_name("other.jsonl")
    write_jsonl(other, (row.to_json() | ({"gold": [2]} if row.id == "a" else {}) for row in ROWS))
    with pytest.raises(InputError, match=r"case 'a': gold \[2\], but \[3\] in "):
        compare_files(written, other, num_draws=10, allow_missing=True, allow_other_labels=True)


def test_a_row_that_stands_twice_is_refused(trigger_file: Path) -> None:
    write_jsonl(trigger_file, (row.to_json() for row in (*ROWS[:2], ROWS[0])))
    with pytest.raises(InputError, match="line 3: id 'a' is on line 1 already; expected each id once"):
        score_file(trigger_file)
