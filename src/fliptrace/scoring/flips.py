"""Flip probabilities against labelled emotions: flip F1 by threshold, calibration, and what is chosen on val.

A pair is two consecutive utterances of one speaker, both labelled, so precision and recall are those of the flips in
the unified task (end_to_end.py). Several sets, such as two languages, count alike, whatever their size. Source of the
temperature: Guo et al., "On calibration of modern neural networks" (2017).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logit
from sklearn.metrics import brier_score_loss, log_loss

from fliptrace.core.files import Json
from fliptrace.scoring.calibration import Bin, fill_bins
from fliptrace.scoring.counts import Counts, Floats, f1_of_totals, threshold_grid

PRECISE = 0.8  # the precision of the precision-first threshold
_TEMPERATURES = (0.1, 10.0)  # the range searched
_ODDS = (0.01, 100.0)  # the range searched
_LEAST = 1e-12  # a probability below this counts as this, so that its logarithm is finite


class JudgedPair(NamedTuple):
    """A pair of utterances: whether it is a labelled flip, its probability, whether the two likeliest labels differ."""

    group: str
    is_flip: bool
    probability: float
    labels_differ: bool


class LabelledRow(NamedTuple):
    """The label distribution of one utterance, and the position of its labelled emotion in it."""

    distribution: tuple[float, ...]
    gold: int


class ChosenFlipThreshold(NamedTuple):
    """The threshold with the best mean flip F1 of the sets.

    `f1_left_out` has, for every set, its F1 with each group at the threshold that is best without that group.
    """

    threshold: float
    f1: tuple[float, ...]
    f1_left_out: tuple[float, ...]


class ChosenOdds(NamedTuple):
    """The factor on the odds of the same label (InferenceDefaults) with the lowest log loss, a mean over the sets.

    `left_out` has, for every set, the factor that is best without a group, by the name of the group.
    """

    odds: float
    left_out: tuple[Mapping[str, float], ...]


class FlipCalibration(NamedTuple):
    """Whether of the pairs with a probability of 0.7 seven in ten are flips; as Calibration, over all pairs.

    `log_loss` is the mean negative log-likelihood in nats.
    """

    bins: tuple[Bin, ...]
    ece: float
    brier: float
    log_loss: float

    def to_json(self) -> Json:
        bins = [
            {
                "low": each.low,
                "high": each.high,
                "num": each.num,
                "mean_probability": round(each.mean_support, 6),
                "share_flips": round(each.share_triggers, 6),
            }
            for each in self.bins
        ]
        figures = {"ece": self.ece, "brier": self.brier, "log_loss": self.log_loss}
        return {"bins": bins} | {name: round(value, 6) for name, value in figures.items()}


def count_flips(pairs: Sequence[JudgedPair], threshold: float | None) -> Counts:
    """Count flips where the probability reaches `threshold`; None counts them where the likeliest labels differ."""
    found = [pair.labels_differ if threshold is None else pair.probability >= threshold for pair in pairs]
    hits = sum(is_found and pair.is_flip for is_found, pair in zip(found, pairs, strict=True))
    return Counts(hits, sum(found) - hits, sum(pair.is_flip for pair in pairs) - hits)


def choose_flip_threshold(sets: Sequence[Sequence[JudgedPair]]) -> ChosenFlipThreshold:
    """The threshold with the best mean flip F1 of the sets; of equally good ones the nearest to 0.5."""
    grid = threshold_grid(np.array([pair.probability for pairs in sets for pair in pairs]))
    by_group = [_tally(pairs, grid) for pairs in sets]
    totals = [tally.sum(axis=2) for tally in by_group]  # for each set: (2, thresholds)
    best = _best(totals, grid)
    left_out = []
    for number, tally in enumerate(by_group):
        counts = np.zeros(2)
        for group in range(tally.shape[2]):
            others = [each - tally[:, :, group] if i == number else each for i, each in enumerate(totals)]
            counts += tally[:, _best(others, grid), group]
        left_out.append(float(f1_of_totals(counts)))
    f1 = tuple(float(f1_of_totals(each[:, best])) for each in totals)
    return ChosenFlipThreshold(float(grid[best]), f1, tuple(left_out))


def choose_precise_threshold(pairs: Sequence[JudgedPair], precision: float = PRECISE) -> float | None:
    """The smallest threshold from which flips have at least this precision; None if there is none."""
    for threshold in threshold_grid(np.array([pair.probability for pair in pairs])):
        counts = count_flips(pairs, float(threshold))
        if counts.tp and counts.precision >= precision:
            return float(threshold)
    return None


def calibrate_flips(pairs: Sequence[JudgedPair]) -> FlipCalibration:
    """The calibration of the probabilities of at least one pair."""
    shares = np.array([pair.probability for pair in pairs])
    hits = np.array([pair.is_flip for pair in pairs], dtype=float)
    bins = fill_bins(shares, hits)
    ece = sum(each.num * each.gap for each in bins) / len(pairs)
    brier = float(brier_score_loss(hits, shares, pos_label=1))
    return FlipCalibration(bins, ece, brier, float(log_loss(hits, shares, labels=[0, 1])))


def choose_same_label_odds(sets: Sequence[Sequence[JudgedPair]]) -> ChosenOdds:
    """The factor, with four decimals, for pairs whose labels were taken as independent (a factor of 1).

    Pairs with a probability of 0 or 1 are left out: no factor changes them.
    """
    tables = [_margins(pairs) for pairs in sets]
    groups = [np.array([pair.group for pair in pairs if 0 < pair.probability < 1]) for pairs in sets]
    left_out = [
        {
            group: _fit_odds([*tables[:number], tables[number][groups[number] != group], *tables[number + 1 :]])
            for group in sorted({pair.group for pair in pairs})
        }
        for number, pairs in enumerate(sets)
    ]
    return ChosenOdds(_fit_odds(tables), tuple(left_out))


def choose_temperature(sets: Sequence[Sequence[LabelledRow]]) -> float:
    """The temperature with the lowest mean negative log-likelihood of the labelled emotions, a mean over the sets."""
    tables = [(np.array([row.distribution for row in rows]), [row.gold for row in rows]) for rows in sets]

    def loss(log_temperature: float) -> float:
        return sum(_mean_loss(*table, math.exp(log_temperature)) for table in tables)

    low, high = map(math.log, _TEMPERATURES)
    return math.exp(float(minimize_scalar(loss, bounds=(low, high), method="bounded").x))


def _margins(pairs: Sequence[JudgedPair]) -> Floats:
    """The log-odds of the same label, and +1 where the labels are the same, else -1: (pairs, 2)."""
    rows = [(logit(1 - p.probability), -1 if p.is_flip else 1) for p in pairs if 0 < p.probability < 1]
    return np.array(rows, dtype=float).reshape(-1, 2)


def _fit_odds(tables: Sequence[Floats]) -> float:
    """A logistic regression with an intercept only, the log-odds of the same label being its offset."""
    known = [table.T for table in tables if len(table)]
    if not known:
        return 1.0

    def loss(log_odds: float) -> float:
        return sum(float(np.logaddexp(0, -sign * (margin + log_odds)).mean()) for margin, sign in known)

    low, high = map(math.log, _ODDS)
    return round(math.exp(float(minimize_scalar(loss, bounds=(low, high), method="bounded").x)), 4)


def _mean_loss(distributions: Floats, gold: Sequence[int], temperature: float) -> float:
    """The mean negative log-likelihood of the labels `gold` under distributions (utterances, labels)."""
    logits = np.log(np.maximum(distributions, _LEAST)) / temperature
    of_gold = logits[np.arange(len(gold)), gold]
    return float(np.mean(np.logaddexp.reduce(logits, axis=1) - of_gold))


def _tally(pairs: Sequence[JudgedPair], grid: Floats) -> Floats:
    """tp and fp + fn at every threshold, by group: (2, thresholds, groups)."""
    names, group_of = np.unique([pair.group for pair in pairs], return_inverse=True)
    is_flip = np.array([pair.is_flip for pair in pairs])
    is_found = np.array([pair.probability for pair in pairs]) >= grid[:, None]  # (thresholds, pairs)
    tally = np.zeros((2, len(grid), len(names)))
    for group in range(len(names)):
        found, flips = is_found[:, group_of == group], is_flip[group_of == group]
        tally[0, :, group] = (found & flips).sum(axis=1)
        tally[1, :, group] = (found != flips).sum(axis=1)
    return tally


def _best(totals: Sequence[Floats], grid: Floats) -> int:
    """The index of the threshold with the best mean F1, from totals (2, thresholds) of every set."""
    f1 = np.mean([f1_of_totals(each) for each in totals], axis=0)
    equals = np.flatnonzero(f1 >= f1.max() - 1e-12)
    return int(equals[np.abs(grid[equals] - 0.5).argmin()])
