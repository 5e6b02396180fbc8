"""Which share of the votes names a trigger: chosen on val, and what that choice is worth on groups it did not see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from fliptrace.predictions.rows import Prediction
from fliptrace.scoring.counts import Floats, check_support, count_case, f1_of_totals, labelled, sum_by_group


class ChosenThreshold(NamedTuple):
    """`f1` is on the cases it was chosen on; `f1_left_out` takes each group at the threshold best on all others."""

    threshold: float
    f1: float
    f1_left_out: float


def choose_threshold(predictions: Sequence[Prediction], place: object = "predictions") -> ChosenThreshold:
    """Of all thresholds on support that make a difference the one with the best F1; of equals the nearest to 0.5.

    InputError with `place` in front where nobody labelled any case, or support is of unequal numbers of samples.
    """
    grid, by_group, _ = _tally(predictions, place)
    totals = by_group.sum(axis=2)
    best = _best(totals, grid)
    left_out = np.zeros(2)
    for group in range(by_group.shape[2]):
        left_out += by_group[_best(totals - by_group[:, :, group], grid), :, group]
    return ChosenThreshold(float(grid[best]), float(f1_of_totals(totals[best])), float(f1_of_totals(left_out)))


def leave_one_group_out(predictions: Sequence[Prediction], place: object = "predictions") -> list[Prediction]:
    """Each labelled prediction at the threshold best on all groups but its own: what `f1_left_out` counts."""
    grid, by_group, group_of = _tally(predictions, place)
    totals = by_group.sum(axis=2)
    chosen = [float(grid[_best(totals - by_group[:, :, group], grid)]) for group in range(by_group.shape[2])]
    rows = labelled(predictions, place)
    return [at_threshold(row.prediction, chosen[group]) for row, group in zip(rows, group_of, strict=True)]


def at_threshold(prediction: Prediction, threshold: float) -> Prediction:
    """The same votes, counted at another threshold."""
    named = frozenset(i for i, share in enumerate(prediction.vote.support) if share >= threshold)
    return replace(prediction, vote=replace(prediction.vote, triggers=named))


class _Tally(NamedTuple):
    """`by_group`: (thresholds, kinds, groups). `group_of` is the number of each labelled prediction's group."""

    grid: Floats
    by_group: Floats
    group_of: Sequence[int]


def _tally(predictions: Sequence[Prediction], place: object) -> _Tally:
    """What is right and wrong at every threshold that makes a difference, by group A to Z."""
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
    """A threshold between any two shares of the vote that occur, 50 at most."""
    shares = np.unique([share for prediction in predictions for share in prediction.vote.support if share > 0])
    if len(shares) == 0:
        return np.array([0.5])
    middles = np.concatenate([[shares[0] / 2], (shares[1:] + shares[:-1]) / 2])
    grid: Floats = middles if len(middles) <= 50 else np.quantile(middles, np.linspace(0, 1, 50))
    return grid


def _best(totals: Floats, grid: Floats) -> int:
    """`totals` is (thresholds, kinds)."""
    f1 = f1_of_totals(totals.T)
    equals = np.flatnonzero(f1 >= f1.max() - 1e-12)
    return int(equals[np.abs(grid[equals] - 0.5).argmin()])
