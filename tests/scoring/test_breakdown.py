from __future__ import annotations

import pytest
from hypothesis import given
from scored_cases import prediction, predictions

from fliptrace.core.errors import InputError
from fliptrace.predictions.rows import Prediction
from fliptrace.scoring.breakdown import Slice, break_down
from fliptrace.scoring.counts import Counts
from fliptrace.scoring.triggers import score_triggers


@given(predictions())
def test_every_breakdown_adds_up_to_the_whole(rows: list[Prediction]) -> None:
    scores, breakdown = score_triggers(rows), break_down(rows)
    whole = Counts.total(case.counts for case in scores.cases)
    for slices in breakdown:
        assert Counts.total(row.counts for row in slices) == whole
    for slices in (breakdown.by_flip_type, breakdown.by_length, breakdown.by_speakers):
        assert sum(row.num_flips for row in slices) == scores.num_flips


def test_flip_types_come_most_frequent_first() -> None:
    rows = [
        prediction("a", [3], [3], after="anger"),
        prediction("b", [3], [2], after="joy"),
        prediction("c", [3], [3], after="joy"),
    ]
    assert break_down(rows).by_flip_type == (
        Slice("neutral->joy", Counts(1, 1, 1), 2),
        Slice("neutral->anger", Counts(1, 0, 0), 1),
    )


def test_distance_counts_utterances_back_from_the_target() -> None:
    rows = [prediction("a", [0, 7, 8], [1, 7], target=8)]
    by_distance = {row.name: row for row in break_down(rows).by_distance}
    assert list(by_distance) == ["0", "1", "2", "3", "4", "5+"]
    assert by_distance["0"].counts == (0, 1, 0)
    assert by_distance["1"].counts == (1, 0, 0)
    assert by_distance["5+"].counts == (0, 1, 1)


def test_a_distance_that_no_known_utterance_has_is_no_row() -> None:
    rows = [prediction("a", [], [], target=8, known_from=7)]
    assert [row.name for row in break_down(rows).by_distance] == ["0", "1"]


@pytest.mark.parametrize(("target", "name"), [(2, "2-5"), (4, "2-5"), (5, "6-10"), (40, "41+"), (90, "41+")])
def test_length_is_that_up_to_the_target(target: int, name: str) -> None:
    assert [row.name for row in break_down([prediction("a", [1], [1], target=target)]).by_length] == [name]


def test_ratios_of_nothing_are_0() -> None:
    assert Slice("1", Counts(0, 0, 0), 1).to_json() == {
        "tp": 0,
        "fp": 0,
        "fn": 0,
        "f1": 0.0,
        "precision": 0.0,
        "recall": 0.0,
        "num_flips": 1,
    }


def test_predictions_without_any_label_are_refused() -> None:
    with pytest.raises(InputError, match=r"out\.jsonl: no labels"):
        break_down([prediction("a", [3], None)], "out.jsonl")
