from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from scored_cases import prediction

from fliptrace.core.errors import InputError
from fliptrace.core.messages import Answer
from fliptrace.core.voting import vote
from fliptrace.predictions.rows import Prediction
from fliptrace.scoring.calibration import calibrate
from fliptrace.scoring.counts import Counts, count_case
from fliptrace.scoring.risk_coverage import cover
from fliptrace.scoring.self_consistency import agreement, k_curve
from fliptrace.scoring.thresholds import choose_threshold, leave_one_group_out
from fliptrace.scoring.triggers import score_triggers


def sampled(id: str, samples: Sequence[Iterable[int] | None], gold: Iterable[int], group: str = "g") -> Prediction:
    """A case of five utterances with these sampled answers and their vote."""
    values = [None if sample is None else frozenset(sample) for sample in samples]
    row = prediction(id, [], gold, group=group, known_from=1)
    return replace(row, vote=vote(values, 5), answers=tuple(Answer(value, "") for value in values))


def drawn(num_cases: int, num_samples: int) -> list[Prediction]:
    rng = random.Random(0)
    draw = [*combinations(range(5), 1), *combinations(range(5), 2), (), None]
    return [
        sampled(f"c{i}", rng.choices(draw, k=num_samples), rng.choice(draw) or (), rng.choice("abc"))
        for i in range(num_cases)
    ]


def test_all_samples_give_the_vote_that_was_predicted() -> None:
    rows = drawn(40, 5)
    scores = score_triggers(rows)
    (point,) = k_curve(rows, [5])
    whole = Counts.total(case.counts for case in scores.cases)
    assert (point.k, point.f1) == (5, pytest.approx(scores.f1))
    assert point.by_group.sum(axis=1).tolist() == [whole.tp, whole.num_wrong]
    assert point.by_group.shape == (2, 3)


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7])
def test_the_mean_over_subsets_is_that_of_all_subsets(threshold: float) -> None:
    rows = drawn(6, 4)
    exact = np.zeros(2)
    for row in rows:
        subsets = list(combinations([answer.value for answer in row.answers], 3))
        for subset in subsets:
            counts = count_case(replace(row, vote=vote(subset, 5, threshold)), row.gold or frozenset()).counts
            exact += np.array([counts.tp, counts.num_wrong]) / len(subsets)
    (point,) = k_curve(rows, [3], threshold, num_subsets=4000)
    assert point.by_group.sum(axis=1) == pytest.approx(exact, abs=0.1)


def test_an_unparsed_sample_has_no_vote() -> None:
    rows = [sampled("a", [{3}, None, None], {3}), sampled("b", [None, None, None], {3})]
    (point,) = k_curve(rows, [3])
    assert point.by_group.tolist() == [[1], [1]]


def test_the_same_seed_draws_the_same_subsets_whatever_else_is_asked() -> None:
    rows = drawn(10, 6)
    assert k_curve(rows, [1, 3])[1].f1 == k_curve(rows, [3])[0].f1
    assert k_curve(rows, [3], seed=1)[0].f1 != k_curve(rows, [3])[0].f1


def test_cases_with_other_numbers_of_samples_are_refused() -> None:
    with pytest.raises(InputError, match=r"out\.jsonl: 1 samples of one case, 2 of another"):
        k_curve([sampled("a", [{3}], {3}), sampled("b", [{3}, {3}], {3})], [1], place="out.jsonl")
    with pytest.raises(InputError, match=r"k is 3; expected 1\.\.2, the number of samples per case"):
        k_curve([sampled("a", [{3}, {3}], {3})], [3])


def test_agreement_is_the_share_of_the_most_frequent_set() -> None:
    assert agreement([sampled("a", [{3}, {3}, {2, 3}, None], {3})]) == 0.5
    assert agreement([sampled("a", [set(), set()], {3}), sampled("b", [None, None], {3})]) == 0.5


@pytest.mark.parametrize("judge_support", [choose_threshold, leave_one_group_out, calibrate, cover])
def test_support_of_samples_that_stopped_early_is_refused(judge_support: Callable[..., Any]) -> None:
    """Their triggers can still be scored."""
    rows = [sampled("a", [{1}] * 6, {1}), sampled("b", [{1}, {2}] * 5, {1})]
    message = "p.jsonl: support from 6 samples in one case and from 10 in another, as with early stopping"
    with pytest.raises(InputError, match=message):
        judge_support(rows, "p.jsonl")
    assert score_triggers(rows).recall == 1
