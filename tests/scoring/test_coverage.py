"""Simulations: do 95% intervals cover the truth 95% of the time, and does the test reject a true null 5% of the time?

The probability of a right answer depends on the group, on the case, on the seed (a run that is better or worse
everywhere) and on group and seed together (a run that learned this dialogue). Groups have 1 to about 12 cases, as in
MELD-FR val.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from fliptrace.scoring.compare import permutation_p_value
from fliptrace.scoring.counts import Floats, f1_of_totals, sum_by_group
from fliptrace.scoring.intervals import Settings, cluster_interval
from fliptrace.scoring.seeds import compare_seeds, score_seeds

NUM_SETS = 250
NUM_GROUPS = 95  # as MELD-FR val
SETTINGS = Settings(num_draws=400)


class World(NamedTuple):
    """Standard deviations of the effects on a right answer, and the `gain` of arm b over arm a, all in log-odds."""

    group: float = 0.8
    seed: float = 0.0
    group_and_seed: float = 0.3
    gain: float = 0.0


class Sample(NamedTuple):
    """Counts of arms a and b, (arms, 2, seeds, cases), and the group of every case."""

    counts: Floats
    groups: NDArray[np.int64]

    def by_group(self, arm: int) -> Floats:
        """The counts of one arm, (2, seeds, groups)."""
        names = [str(group) for group in self.groups]
        return np.stack([sum_by_group(names, kind) for kind in self.counts[arm]])


def draw(world: World, num_seeds: int, rng: np.random.Generator, num_groups: int = NUM_GROUPS) -> Sample:
    groups = np.repeat(np.arange(num_groups), 1 + rng.poisson(3.5, num_groups))
    shared = rng.normal(0, world.group, num_groups)[groups] + rng.normal(0, 1, len(groups))
    of_seed = rng.normal(0, world.seed, (2, num_seeds, 1))
    of_both = rng.normal(0, world.group_and_seed, (2, num_seeds, num_groups))[:, :, groups]
    gains = np.array([0, world.gain])[:, None, None]
    chance = 1 / (1 + np.exp(-(1 + gains + shared + of_seed + of_both)))
    right = rng.random(chance.shape) < chance  # (arms, seeds, cases)
    # A right answer is one hit, a wrong one a false alarm and a miss.
    return Sample(np.stack([right, 2 * ~right], axis=1).astype(np.float64), groups)


def true_f1s(world: World) -> Floats:
    """The true F1 of both arms, estimated from 100 draws of 2,000 groups."""
    totals = [draw(world, 1, np.random.default_rng((1, i)), 2000).counts.sum(axis=(2, 3)) for i in range(100)]
    means: Floats = f1_of_totals(np.moveaxis(np.array(totals), 2, 0)).mean(axis=0)  # (arms,)
    return means


def samples(world: World, num_seeds: int) -> list[Sample]:
    return [draw(world, num_seeds, np.random.default_rng((2, i))) for i in range(NUM_SETS)]


def coverage(intervals: list[Any], truth: float) -> float:
    return float(np.mean([interval.low <= truth <= interval.high for interval in intervals]))


@pytest.mark.parametrize(("num_seeds", "seed_sd"), [(1, 0.0), (3, 0.1)])
def test_the_interval_of_the_mean_f1_covers_the_truth(num_seeds: int, seed_sd: float) -> None:
    world = World(seed=seed_sd)
    found = [score_seeds(sample.by_group(0), SETTINGS).interval for sample in samples(world, num_seeds)]
    assert 0.91 <= coverage(found, true_f1s(world)[0]) <= 0.98


def test_an_interval_that_takes_cases_for_independent_covers_too_seldom() -> None:
    world = World(group=2)
    sets = samples(world, 1)
    by_group = [score_seeds(sample.by_group(0), SETTINGS).interval for sample in sets]
    by_case = [score_seeds(sample.counts[0], SETTINGS).interval for sample in sets]
    truth = true_f1s(world)[0]
    assert coverage(by_case, truth) < 0.86
    assert 0.91 <= coverage(by_group, truth) <= 0.98


@pytest.mark.parametrize(
    ("num_seeds", "seed_sd", "gain"),
    [(1, 0.0, 0.0), (1, 0.0, 0.5), (3, 0.15, 0.0), (3, 0.15, 0.5)],
)
def test_the_interval_of_a_paired_difference_covers_the_truth(num_seeds: int, seed_sd: float, gain: float) -> None:
    world = World(seed=seed_sd, gain=gain)
    pairs = [(sample.by_group(0), sample.by_group(1)) for sample in samples(world, num_seeds)]
    found = [compare_seeds(a, b, SETTINGS).interval for a, b in pairs]
    f1_a, f1_b = true_f1s(world) if gain else (0.0, 0.0)
    assert 0.91 <= coverage(found, f1_b - f1_a) <= 0.98


def test_drawing_groups_alone_misses_that_runs_differ() -> None:
    def mean_difference(totals: Floats) -> Floats:  # (2 arms * 2 kinds * 3 seeds, draws)
        f1 = f1_of_totals(np.moveaxis(totals.reshape(2, 2, 3, -1), 1, 0))
        means: Floats = (f1[1] - f1[0]).mean(axis=0)
        return means

    stacked = [
        np.concatenate([sample.by_group(arm).reshape(6, -1) for arm in (0, 1)])
        for sample in samples(World(seed=0.15), 3)
    ]
    found = [cluster_interval(mean_difference, counts, SETTINGS.num_draws) for counts in stacked]
    assert coverage(found, 0.0) < 0.88


def test_drawing_seeds_too_is_wide_not_narrow_where_runs_do_not_differ() -> None:
    found = [compare_seeds(s.by_group(0), s.by_group(1), SETTINGS).interval for s in samples(World(), 3)]
    assert coverage(found, 0.0) >= 0.97


def test_the_permutation_test_alone_takes_luck_of_runs_for_a_finding() -> None:
    pairs = [(sample.by_group(0), sample.by_group(1)) for sample in samples(World(seed=0.15), 3)]
    p_values = [permutation_p_value(a, b, num_draws=400) for a, b in pairs]
    assert np.mean(np.array(p_values) < 0.05) > 0.1  # hence a finding needs the interval as well


@pytest.mark.parametrize("num_seeds", [1, 3])
def test_the_permutation_test_rejects_one_in_twenty_where_nothing_differs(num_seeds: int) -> None:
    p_values = [
        permutation_p_value(sample.by_group(0), sample.by_group(1), num_draws=400)
        for sample in samples(World(), num_seeds)
    ]
    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.05, abs=0.03)


def test_the_permutation_test_rejects_where_something_differs() -> None:
    p_values = [
        permutation_p_value(sample.by_group(0), sample.by_group(1), num_draws=400)
        for sample in samples(World(gain=0.6), 3)
    ]
    assert np.mean(np.array(p_values) < 0.05) > 0.9
