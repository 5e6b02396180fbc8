from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from scored_cases import prediction, predictions

from fliptrace.core.errors import InputError
from fliptrace.predictions.rows import Prediction
from fliptrace.scoring.compare import compare
from fliptrace.scoring.triggers import score_triggers

RIGHT = [prediction(f"case-{i}", [3], [3]) for i in range(12)]
WRONG = [prediction(f"case-{i}", [2], [3]) for i in range(12)]


def test_a_file_compared_with_itself_differs_by_0_with_p_1() -> None:
    rows = RIGHT[:6] + WRONG[6:]
    comparison = compare(rows, rows, num_draws=200)
    assert (comparison.difference, comparison.p_value, comparison.interval) == (0.0, 1.0, (0.0, 0.0))
    assert (comparison.num_won, comparison.num_lost, comparison.num_tied) == (0, 0, 12)


def test_right_beats_wrong_and_the_sign_says_which_way() -> None:
    up, down = compare(WRONG, RIGHT, num_draws=5000), compare(RIGHT, WRONG, num_draws=5000)
    assert (up.difference, up.num_won, up.num_lost, up.relative_error_reduction) == (1.0, 12, 0, 1.0)
    assert (down.difference, down.num_won, down.num_lost, down.relative_error_reduction) == (-1.0, 0, 12, None)
    # Only 2 of the 4,096 ways to swap twelve pairs give as large a difference.
    assert up.p_value < 0.003


def test_the_p_value_takes_groups_not_cases_for_its_evidence() -> None:
    in_two_groups = [[replace(row, group=f"group-{i % 2}") for i, row in enumerate(rows)] for rows in (WRONG, RIGHT)]
    comparison = compare(*in_two_groups, num_draws=1000)
    assert comparison.num_groups == 2
    assert comparison.p_value == pytest.approx(0.5, abs=0.05)  # two of the four swaps give as large a difference


def test_the_p_value_equals_that_of_all_swaps_written_out() -> None:
    a = [prediction(f"c{i}", [2] if i < 4 else [3], [3]) for i in range(5)]
    b = [prediction(f"c{i}", [3], [3]) for i in range(5)]
    # F1 of b minus F1 of a is 0.8. Of the 16 ways to swap the four cases that differ, only "none" and "all" reach it.
    assert compare(a, b, num_draws=20_000).p_value == pytest.approx(2 / 16, abs=0.01)


@settings(max_examples=25)
@given(predictions(max_size=6))
def test_the_difference_is_that_of_the_two_scores(rows: list[Prediction]) -> None:
    others = [replace(row, vote=replace(row.vote, triggers=frozenset({row.flip.target}))) for row in rows]
    comparison = compare(rows, others, num_draws=20)
    assert comparison.difference == pytest.approx(score_triggers(others).f1 - score_triggers(rows).f1)
    assert comparison.num_flips == len(rows)
    assert 0 < comparison.p_value <= 1


def test_the_order_of_the_cases_does_not_matter() -> None:
    assert compare(WRONG, RIGHT[::-1], num_draws=100) == compare(WRONG, RIGHT, num_draws=100)


@pytest.mark.parametrize(
    ("b", "message"),
    [
        (RIGHT[1:], r"new: no case 'case-0', which is in old"),
        ([*RIGHT, prediction("case-99", [3], [3])], r"old: no case 'case-99', which is in new"),
        ([RIGHT[0], prediction("case-1", [3], [2]), *RIGHT[2:]], r"new: case 'case-1': gold \[2\], but \[3\] in old"),
        ([RIGHT[0], prediction("case-1", [3], None), *RIGHT[2:]], r"new: case 'case-1': gold None, but \[3\] in old"),
        ([replace(RIGHT[0], known_from=1), *RIGHT[1:]], r"new: case 'case-0': known_from 1, but 0 in old"),
        ([replace(RIGHT[0], group="x"), *RIGHT[1:]], r"new: case 'case-0': group 'x', but 'case-0' in old"),
    ],
)
def test_files_of_different_cases_are_refused_by_the_first_that_differs(b: list[Prediction], message: str) -> None:
    with pytest.raises(InputError, match=message):
        compare(RIGHT, b, num_draws=10, place_a="old", place_b="new")


def test_files_without_labels_are_refused() -> None:
    unlabelled = [prediction("a", [3], None)]
    with pytest.raises(InputError, match="old: no labels"):
        compare(unlabelled, unlabelled, place_a="old")


def test_a_comparison_is_json() -> None:
    written = json.loads(json.dumps(compare(WRONG, RIGHT, num_draws=10, seed=3).to_json(), allow_nan=False))
    assert written["settings"] == {"num_draws": 10, "seed": 3}
    assert (written["difference"], written["interval"], written["num_won"]) == (1.0, [1.0, 1.0], 12)
