"""What a model gains where it may stay silent: scores over the most confident share of the cases.

The risk is the share of cases whose set is not exactly right, the area under its curve AURC (Geifman and El-Yaniv,
"Selective classification for deep neural networks", 2017). F1 of the same cases is the curve that people read.
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
    """`f1[i]` is over the most confident `coverage[i]` of the cases, the last over all.

    `aurc` is the mean risk over all coverages, 0 to 1, less being better; in random order it is the share of all cases
    that are not exactly right.
    """

    coverage: tuple[float, ...]
    f1: tuple[float, ...]
    aurc: float

    def to_json(self) -> Json:
        coverage, f1 = ([round(value, 6) for value in values] for values in (self.coverage, self.f1))
        return {"coverage": coverage, "f1": f1, "aurc": round(self.aurc, 6)}


def cover(predictions: Sequence[Prediction], place: object = "predictions") -> RiskCoverage:
    """The curves of the labelled cases; InputError with `place` in front where there are none, or where support is of
    unequal numbers of samples.

    Of equally confident cases each counts in part, so that the order of the file plays no role.
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
    """The probability that just the named utterances are triggers, if utterances are taken to be independent.

    It is about the whole set, as the risk is, and what was never weighed does not change it, where a mean over
    utterances would grow with the length of the dialogue. 0 where no answer could be read.

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
    """Sums of columns (kinds, cases) over the `num_covered` most confident cases: (kinds, numbers).

    Between the ends of a run of equally confident cases the sums grow evenly: what a random order gives on average.
    """
    order = np.argsort(-confidences, kind="stable")
    ranked = confidences[order]
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)) + 1  # cases up to the end of each run
    sums = np.cumsum(columns[:, order], axis=1)[:, ends - 1]
    return np.stack([np.interp(num_covered, [0, *ends], [0, *row]) for row in sums])
