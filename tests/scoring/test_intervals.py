from __future__ import annotations

import numpy as np
import pytest
from scored_cases import prediction

from fliptrace.scoring.counts import CaseCounts
from fliptrace.scoring.intervals import f1_interval
from fliptrace.scoring.triggers import score_triggers


def cases_of(num_groups: int, cases_a_group: int, seed: int = 0) -> tuple[CaseCounts, ...]:
    """Cases in which all answers of a group are right, or all are wrong."""
    right = np.random.default_rng(seed).random(num_groups) < 0.6
    rows = [
        prediction(f"{g}-{i}", [3] if right[g] else [2], [3], group=f"group-{g}")
        for g in range(num_groups)
        for i in range(cases_a_group)
    ]
    return score_triggers(rows).cases


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    cases = cases_of(41, 3) + cases_of(23, 2, seed=1)
    assert f1_interval(cases, 500, seed=1) == f1_interval(cases, 500, seed=1)
    assert f1_interval(cases, 500, seed=1) != f1_interval(cases, 500, seed=2)


def test_the_interval_holds_the_score() -> None:
    cases = cases_of(40, 3)
    interval = f1_interval(cases, 1000)
    assert interval is not None
    tp, num_wrong = sum(c.counts.tp for c in cases), sum(c.counts.num_wrong for c in cases)
    assert interval.low < 2 * tp / (2 * tp + num_wrong) < interval.high


def test_drawing_groups_gives_a_wider_interval_than_drawing_cases() -> None:
    clustered = cases_of(30, 9)
    independent = tuple(case._replace(group=case.id) for case in clustered)
    by_group, by_case = f1_interval(clustered, 2000), f1_interval(independent, 2000)
    assert by_group is not None
    assert by_case is not None
    # Nine equal cases per group carry the information of one, so the interval is three times as wide.
    assert (by_group.high - by_group.low) / (by_case.high - by_case.low) == pytest.approx(3, rel=0.15)


def test_the_interval_covers_the_true_score_nearly_as_often_as_it_says() -> None:
    # A case is right with probability 0.6, otherwise it has a false alarm and a miss: pooled F1 tends to 0.6.
    intervals = [f1_interval(cases_of(80, 2, seed), 400, seed) for seed in range(200)]
    covered = [interval is not None and interval.low <= 0.6 <= interval.high for interval in intervals]
    assert 0.90 <= np.mean(covered) <= 0.98


def test_one_group_alone_has_no_interval() -> None:
    assert f1_interval(cases_of(1, 5), 100) is None
