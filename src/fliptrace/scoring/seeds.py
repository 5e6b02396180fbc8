"""F1 over several training runs (seeds) on the same cases: mean, spread, 95% interval, paired difference of two arms.

Counts are (2, seeds, groups): tp and fp + fn, by seed and by group.

The intervals draw groups and, independently, seeds, both with replacement (Owen 2007, "The pigeonhole bootstrap"),
because a claim about an arm is about other dialogues and about other runs. How well they cover the true difference was
measured on simulated data with three seeds (tests/scoring/test_coverage.py). If runs differ in all dialogues at once
(sd of F1 over seeds 0.027), 95% intervals cover it 95% of the time, and 79% if only groups are drawn. If runs do not
differ by themselves, they cover it 99.6% of the time, and 95% if only groups are drawn: noise by group and seed is
counted more than once, so the intervals are too wide, but never too narrow. With a single seed only groups are drawn,
and the interval says nothing about other runs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fliptrace.scoring.compare import permutation_p_value, relative_error_reduction
from fliptrace.scoring.counts import Floats, f1_of_totals
from fliptrace.scoring.intervals import Interval, Settings, cluster_interval


class SeedScores(NamedTuple):
    """F1 of each seed, their mean and its interval, and their sd (ddof 1; None for a single seed)."""

    mean: float
    sd: float | None
    interval: Interval | None
    by_seed: tuple[float, ...]


class SeedDifference(NamedTuple):
    """Mean F1 of b minus mean F1 of a, over the same seeds and groups.

    `p_value` is two-sided and is about these runs on other dialogues: the test swaps whole groups, jointly over seeds.
    It ignores the variation between runs, and if they differ as in the module's docstring, it rejects a true null
    hypothesis 16% of the time at 0.05. The interval includes that variation, so a finding needs both. `interval` is
    None if there is only one group.
    """

    value: float
    interval: Interval | None
    p_value: float
    relative_error_reduction: float | None


def score_seeds(counts: Floats, settings: Settings | None = None) -> SeedScores:
    """Score one arm from its counts (2, seeds, groups).

    >>> scores = score_seeds(np.array([[[3, 1], [2, 1]], [[0, 2], [2, 2]]]))
    >>> round(scores.mean, 3), round(scores.sd, 3), scores.by_seed
    (0.7, 0.141, (0.8, 0.6))
    """
    by_seed = f1_of_totals(counts.sum(axis=2))  # (seeds,)
    sd = float(np.std(by_seed, ddof=1)) if len(by_seed) > 1 else None
    interval = _interval(counts[None], settings or Settings())
    return SeedScores(float(by_seed.mean()), sd, interval, tuple(by_seed.tolist()))


def compare_seeds(a: Floats, b: Floats, settings: Settings | None = None) -> SeedDifference:
    """Compare two arms that were trained with the same seeds and answered the same cases."""
    assert a.shape == b.shape, f"counts {a.shape} and {b.shape}: not of the same seeds and groups"
    settings = settings or Settings()
    f1_a, f1_b = (float(f1_of_totals(counts.sum(axis=2)).mean()) for counts in (a, b))
    return SeedDifference(
        value=f1_b - f1_a,
        interval=_interval(np.stack([a, b]), settings),
        p_value=permutation_p_value(a, b, settings.num_draws, settings.seed),
        relative_error_reduction=relative_error_reduction(f1_a, f1_b),
    )


def _interval(arms: Floats, settings: Settings) -> Interval | None:
    """The interval of mean F1 for one arm, or of the difference for two. `arms` is (arms, 2, seeds, groups)."""
    num_arms, _, num_seeds, num_groups = arms.shape
    rng = np.random.default_rng((settings.seed, num_seeds))  # draws seeds; groups are drawn by another generator

    def mean_of_drawn(totals: Floats) -> Floats:  # (arms * 2 * seeds, draws)
        f1 = f1_of_totals(np.moveaxis(totals.reshape(num_arms, 2, num_seeds, -1), 1, 0))  # (arms, seeds, draws)
        gains = f1[-1] - f1[0] if num_arms == 2 else f1[0]
        drawn = rng.integers(num_seeds, size=gains.shape)
        means: Floats = np.take_along_axis(gains, drawn, axis=0).mean(axis=0)
        return means

    return cluster_interval(mean_of_drawn, arms.reshape(-1, num_groups), settings.num_draws, settings.seed)
