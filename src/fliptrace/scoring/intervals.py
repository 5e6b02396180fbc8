"""95% percentile intervals by cluster bootstrap, with scipy.stats.bootstrap.

Whole groups are drawn, since cases of one dialogue are not independent. A difference whose interval contains 0
is not a finding. scipy is imported with the first interval, so that a report can hold intervals without it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fliptrace.scoring.counts import CaseCounts, Floats, counts_by_group, f1_of_totals

NUM_DRAWS = 10_000  # the ends of a 95% interval then vary by about 1% of its width between seeds
CELLS_AT_ONCE = 250_000  # draws x groups in memory: an array of 2 MB stays in cache; larger ones were slower


class Settings(NamedTuple):
    """What the intervals depend on besides the data."""

    num_draws: int = NUM_DRAWS
    seed: int = 0


class Interval(NamedTuple):
    """An interval from the 2.5th to the 97.5th percentile of the draws."""

    low: float
    high: float

    def to_json(self) -> list[float]:
        return [round(self.low, 6), round(self.high, 6)]


def f1_interval(cases: Sequence[CaseCounts], num_draws: int = NUM_DRAWS, seed: int = 0) -> Interval | None:
    """The interval of pooled trigger F1, or None if there is only one group."""
    return cluster_interval(f1_of_totals, counts_by_group(cases), num_draws, seed)


def cluster_interval(
    statistic: Callable[[Floats], Floats], by_group: Floats, num_draws: int = NUM_DRAWS, seed: int = 0
) -> Interval | None:
    """The interval of a statistic of summed counts, or None if there is only one group.

    `by_group` is (kinds, groups). `statistic` maps the totals of many draws, (kinds, draws), to (draws,). With the same
    seed and the same groups the draws are the same, so intervals of several models on one file are comparable.
    """
    num_groups = by_group.shape[1]
    if num_groups < 2:
        return None
    from scipy import stats

    def of_draws(*drawn: NDArray[Any], axis: int) -> Floats:  # each (draws, groups)
        return statistic(np.stack([counts.sum(axis=axis) for counts in drawn]))

    result = stats.bootstrap(
        tuple(by_group),
        of_draws,
        paired=True,
        vectorized=True,
        n_resamples=num_draws,
        batch=draws_at_once(num_groups),
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return Interval(float(result.confidence_interval.low), float(result.confidence_interval.high))


def draws_at_once(num_groups: int) -> int:
    """How many draws of `num_groups` groups to hold in memory at once."""
    return max(1, CELLS_AT_ONCE // num_groups)
