"""Counts of right and wrong utterances, by case and by group. Contains no averages over cases and no bootstrap."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fliptrace.core.errors import InputError
from fliptrace.predictions.rows import Prediction

NUM_THRESHOLDS = 200  # the grid on which a threshold on probabilities is chosen

Floats = NDArray[np.float64]


class Counts(NamedTuple):
    """Counts of utterances: rightly named (tp), wrongly named (fp), missed (fn). A ratio of 0 / 0 is 0."""

    tp: int
    fp: int
    fn: int

    @classmethod
    def total(cls, counts: Iterable[Counts]) -> Counts:
        rows = list(counts)
        return cls(sum(c.tp for c in rows), sum(c.fp for c in rows), sum(c.fn for c in rows))

    @property
    def precision(self) -> float:
        return self.tp / max(self.tp + self.fp, 1)

    @property
    def recall(self) -> float:
        return self.tp / max(self.tp + self.fn, 1)

    @property
    def f1(self) -> float:
        return 2 * self.tp / max(2 * self.tp + self.num_wrong, 1)

    @property
    def num_wrong(self) -> int:
        return self.fp + self.fn


class CaseCounts(NamedTuple):
    """The counts of one case over its `num_utterances` known utterances."""

    id: str
    group: str
    counts: Counts
    num_utterances: int


def count_case(prediction: Prediction, gold: frozenset[int]) -> CaseCounts:
    """Compare the predicted triggers with `gold` from `known_from` to the target. Other utterances are ignored."""
    known = range(prediction.known_from, prediction.flip.target + 1)
    return CaseCounts(prediction.id, prediction.group, count_within(known, prediction, gold), len(known))


def count_within(positions: range, prediction: Prediction, gold: frozenset[int]) -> Counts:
    named = frozenset(i for i in prediction.vote.triggers if i in positions)
    expected = frozenset(i for i in gold if i in positions)
    return Counts(len(named & expected), len(named - expected), len(expected - named))


class Labelled(NamedTuple):
    """A prediction and the gold triggers it is compared with."""

    prediction: Prediction
    gold: frozenset[int]


def labelled(predictions: Iterable[Prediction], place: object) -> list[Labelled]:
    """The predictions with labels, in order. InputError at `place` if there are none."""
    rows = [Labelled(p, p.gold) for p in predictions if p.gold is not None]
    if not rows:
        raise InputError(place, "no labels; expected labelled cases to score")
    return rows


def check_support(predictions: Iterable[Prediction], place: object) -> None:
    """InputError at `place` unless all cases have the same number of samples.

    Early stopping takes few samples in exactly those cases in which they agree, so support is not comparable.
    """
    numbers = sorted({prediction.vote.num_samples for prediction in predictions})
    if len(numbers) > 1:
        raise InputError(
            place,
            f"support from {numbers[0]} samples in one case and from {numbers[-1]} in another, as with early stopping; "
            "expected the same number in all cases",
        )


def sum_by_group(groups: Sequence[str], counts: NDArray[Any]) -> Floats:
    """Sum counts (kinds, cases) over the cases of each group, to (kinds, groups) with groups in alphabetical order."""
    names, group_of = np.unique(np.asarray(groups), return_inverse=True)
    return np.stack([np.bincount(group_of, weights=row, minlength=len(names)) for row in counts])


def counts_by_group(cases: Sequence[CaseCounts]) -> Floats:
    """tp and fp + fn for every group, (2, groups). F1 needs nothing else."""
    counts = np.array([(case.counts.tp, case.counts.num_wrong) for case in cases]).T
    return sum_by_group([case.group for case in cases], counts)


def f1_of_totals(totals: Floats) -> Floats:
    """F1 from tp and fp + fn, (2, ...) to (...). It is 0 if there is nothing to find and nothing named."""
    tp, num_wrong = totals
    f1: Floats = 2 * tp / np.maximum(2 * tp + num_wrong, 1)
    return f1


def threshold_grid(probabilities: Floats) -> Floats:
    """Thresholds between neighbouring probabilities, ascending, with four decimals, thinned where there are many."""
    grid: Floats = np.unique(np.round(between_neighbours(probabilities, NUM_THRESHOLDS), 4))
    return grid[grid > 0] if (grid > 0).any() else np.array([0.5])


def between_neighbours(values: Floats, most: int) -> Floats:
    """The middles between neighbouring values and half the lowest, ascending; where there are more, `most` quantiles.

    >>> between_neighbours(np.array([0.8, 0.2, 0.2, 0.4]), 50).round(2).tolist()
    [0.1, 0.3, 0.6]
    """
    distinct = np.unique(values)
    middles: Floats = np.concatenate([[distinct[0] / 2], (distinct[1:] + distinct[:-1]) / 2])
    return middles if len(middles) <= most else np.quantile(middles, np.linspace(0, 1, most))
