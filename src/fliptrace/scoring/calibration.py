"""Calibration of support: of the utterances with a support of 0.7, are seven in ten triggers?

Only utterances with support above 0 are included, from `known_from` on. Most utterances are named by no answer and
would make every model look calibrated; triggers among these are counted as missed instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from sklearn.metrics import brier_score_loss

from fliptrace.core.files import Json
from fliptrace.predictions.rows import Prediction
from fliptrace.scoring.counts import Floats, check_support, labelled

NUM_BINS = 10


class Bin(NamedTuple):
    """The `num` utterances with a support of at least `low` and below `high`. The last bin includes 1."""

    low: float
    high: float
    num: int
    mean_support: float
    share_triggers: float

    @property
    def gap(self) -> float:
        return abs(self.mean_support - self.share_triggers)


class Calibration(NamedTuple):
    """How well support is calibrated.

    `bins` are the bins that are not empty, in ascending order. `ece` is the expected calibration error: the mean gap of
    the bins, weighted by their size (Guo et al. 2017). `brier` is the mean squared difference of support and truth (0
    or 1). `num_missed` is the number of triggers without support.
    """

    bins: tuple[Bin, ...]
    ece: float
    brier: float
    num_utterances: int
    num_missed: int

    def to_json(self) -> Json:
        bins = [{name: round(value, 6) for name, value in each._asdict().items()} for each in self.bins]
        return self._asdict() | {"bins": bins, "ece": round(self.ece, 6), "brier": round(self.brier, 6)}


def calibrate(predictions: Sequence[Prediction], place: object = "predictions") -> Calibration | None:
    """The calibration of support over the labelled cases, or None if no utterance has any support.

    InputError at `place` if no case is labelled, or if cases differ in their number of samples.
    """
    check_support(predictions, place)
    rows = labelled(predictions, place)
    known = [
        (share, i in row.gold)
        for row in rows
        for i, share in enumerate(row.prediction.vote.support)
        if i >= row.prediction.known_from
    ]
    supports, are_triggers = np.array(known, dtype=float).T
    is_supported = supports > 0
    if not is_supported.any():
        return None
    shares, hits = supports[is_supported], are_triggers[is_supported]
    bins = fill_bins(shares, hits)
    return Calibration(
        bins=bins,
        ece=sum(each.num * each.gap for each in bins) / len(shares),
        brier=float(brier_score_loss(hits, shares, pos_label=1)),
        num_utterances=len(shares),
        num_missed=int(are_triggers[~is_supported].sum()),
    )


def fill_bins(shares: Floats, hits: Floats) -> tuple[Bin, ...]:
    """Bin utterances or pairs. Not with sklearn.calibration.calibration_curve, which does not return bin sizes."""
    bin_of = np.minimum((shares * NUM_BINS).astype(int), NUM_BINS - 1)
    inside = [bin_of == number for number in range(NUM_BINS)]
    return tuple(
        Bin(number / NUM_BINS, (number + 1) / NUM_BINS, int(x.sum()), float(shares[x].mean()), float(hits[x].mean()))
        for number, x in enumerate(inside)
        if x.any()
    )
