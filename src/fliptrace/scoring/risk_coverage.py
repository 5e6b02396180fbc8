"""Risk-coverage curves: scores over the most confident share of the cases, as if the model skipped the others.

The risk is the share of cases whose predicted set is not exactly right; AURC is the area under its curve (Geifman and
El-Yaniv, "Selective classification for deep neural networks", 2017). The curve of F1 is given for plots.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fliptrace.core.files import Json
from fliptrace.predictions.rows import Prediction
from fliptrace.scoring.counts import Floats, check_support, count_case, f1_of_totals, labelled

NUM_COVERAGES = 20


class RiskCoverage(NamedTuple):
    """F1 by coverage, and the area under the risk-coverage curve.

    `f1[i]` is over the most confident `coverage[i]` of the cases; the last is over all. `aurc` is the mean risk over
    all coverages, from 0 to 1, and lower is better. For cases in random order it equals the share of cases that are
    not exactly right.
    """

    coverage: tuple[float, ...]
    f1: tuple[float, ...]
    aurc: float

    def to_json(self) -> Json:
        coverage, f1 = ([round(value, 6) for value in values] for values in (self.coverage, self.f1))
        return {"coverage": coverage, "f1": f1, "aurc": round(self.aurc, 6)}


def cover(predictions: Sequence[Prediction], place: object = "predictions") -> RiskCoverage:
    """The curves of the labelled cases.

    Equally confident cases are averaged over their order, so the order of the file does not matter. InputError at
    `place` if no case is labelled, or if cases differ in their number of samples.
    """
    check_support(predictions, place)
    rows = labelled(predictions, place)
    counts = [count_case(*row).counts for row in rows]
    columns = np.array([(c.tp, c.num_wrong, c.num_wrong > 0) for c in counts], dtype=float).T  # (3, cases)
    confidences = np.array([confidence(row.prediction) for row in rows])
    num_covered = np.arange(1, NUM_COVERAGES + 1) / NUM_COVERAGES * len(rows)
    tp, wrong, _ = _accumulate(columns, confidences, num_covered)
    num_cases = np.arange(1.0, len(rows) + 1)
    _, _, num_errors = _accumulate(columns, confidences, num_cases)
    return RiskCoverage(
        coverage=tuple(float(x) for x in num_covered / len(rows)),
        f1=tuple(float(x) for x in f1_of_totals(np.stack([tp, wrong]))),
        aurc=float(np.mean(num_errors / num_cases)),
    )


def confidence(prediction: Prediction) -> float:
    """The probability that exactly the named utterances are triggers, if utterances are independent.

    Like the risk, it is about the whole set. Utterances without support do not change it, while a mean over utterances
    would grow with the length of the dialogue. It is 0 if no answer could be read.

    >>> from fliptrace.core.flips import Flip
    >>> from fliptrace.core.voting import Vote
    >>> flip, vote = Flip("Ana", 0, 2, "joy", "fear"), Vote(frozenset({1}), (0.0, 0.8, 0.5), 10, 10)
    >>> speakers, emotions = ("Ana", "Ben", "Ana"), ("joy", "neutral", "fear")
    >>> confidence(Prediction("c", "d", "g", "toy", "val", speakers, emotions, flip, 0, None, vote, ()))
    0.4
    """
    if prediction.vote.is_unparsed:
        return 0.0
    named = prediction.vote.triggers
    return math.prod(share if i in named else 1 - share for i, share in enumerate(prediction.vote.support))


def _accumulate(columns: Floats, confidences: Floats, num_covered: Floats) -> Floats:
    """Sums of columns (kinds, cases) over the `num_covered` most confident cases, as (kinds, numbers).

    Within a run of equally confident cases the sums grow linearly, which is the average over all orders.
    """
    order = np.argsort(-confidences, kind="stable")
    ranked = confidences[order]
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)) + 1  # cases up to the end of each run
    sums = np.cumsum(columns[:, order], axis=1)[:, ends - 1]
    return np.stack([np.interp(num_covered, [0, *ends], [0, *row]) for row in sums])
