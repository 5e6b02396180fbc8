"""Chooses the threshold on support from which an utterance is a trigger, and scores the choice on unseen groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from fliptrace.predictions.rows import Prediction
from fliptrace.scoring.counts import (
    Floats,
    between_neighbours,
    check_support,
    count_case,
    f1_of_totals,
    labelled,
    sum_by_group,
)


class ChosenThreshold(NamedTuple):
    """A threshold, its F1 on the cases it was chosen on, and the leave-one-group-out F1.

    For `f1_left_out`, each group is scored at the threshold that is best on all other groups.
    """

    threshold: float
    f1: float
    f1_left_out: float


def choose_threshold(predictions: Sequence[Prediction], place: object = "predictions") -> ChosenThreshold:
    """The threshold with the best F1; of equally good ones the nearest to 0.5.

    InputError at `place` if no case is labelled, or if cases differ in their number of samples.
    """
    grid, by_group, _ = _tally(predictions, place)
    totals = by_group.sum(axis=2)
    best = _best(totals, grid)
    left_out = np.zeros(2)
    for group in range(by_group.shape[2]):
        left_out += by_group[_best(totals - by_group[:, :, group], grid), :, group]
    return ChosenThreshold(float(grid[best]), float(f1_of_totals(totals[best])), float(f1_of_totals(left_out)))


def leave_one_group_out(predictions: Sequence[Prediction], place: object = "predictions") -> list[Prediction]:
    """The labelled predictions, each at the threshold that is best on all other groups, as in `f1_left_out`."""
    grid, by_group, group_of = _tally(predictions, place)
    totals = by_group.sum(axis=2)
    chosen = [float(grid[_best(totals - by_group[:, :, group], grid)]) for group in range(by_group.shape[2])]
    rows = labelled(predictions, place)
    return [at_threshold(row.prediction, chosen[group]) for row, group in zip(rows, group_of, strict=True)]


def at_threshold(prediction: Prediction, threshold: float) -> Prediction:
    """The same prediction with triggers chosen at another threshold."""
    named = frozenset(i for i, share in enumerate(prediction.vote.support) if share >= threshold)
    return replace(prediction, vote=replace(prediction.vote, triggers=named))


class _Tally(NamedTuple):
    """Counts at every threshold of `grid`.

    `by_group` is (thresholds, kinds, groups). `group_of` is the index of the group of each labelled prediction.
    """

    grid: Floats
    by_group: Floats
    group_of: Sequence[int]


def _tally(predictions: Sequence[Prediction], place: object) -> _Tally:
    """tp and fp + fn at every threshold of the grid, by group in alphabetical order."""
    check_support(predictions, place)
    rows = labelled(predictions, place)
    grid = _grid(predictions)
    groups = [row.prediction.group for row in rows]
    by_group = np.stack(
        [sum_by_group(groups, np.array([_kinds(at_threshold(p, t), gold) for p, gold in rows]).T) for t in grid]
    )
    names = sorted(set(groups))
    return _Tally(grid, by_group, [names.index(group) for group in groups])


def _kinds(prediction: Prediction, gold: frozenset[int]) -> tuple[int, int]:
    counts = count_case(prediction, gold).counts
    return counts.tp, counts.num_wrong


def _grid(predictions: Sequence[Prediction]) -> Floats:
    """Thresholds between all neighbouring values of support, thinned to 50 if there are more."""
    shares = [share for prediction in predictions for share in prediction.vote.support if share > 0]
    return between_neighbours(np.array(shares), 50) if shares else np.array([0.5])


def _best(totals: Floats, grid: Floats) -> int:
    """The index of the best threshold, from totals (thresholds, kinds)."""
    f1 = f1_of_totals(totals.T)
    equals = np.flatnonzero(f1 >= f1.max() - 1e-12)
    return int(equals[np.abs(grid[equals] - 0.5).argmin()])
