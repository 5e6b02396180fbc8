"""Self-consistency: F1 of the vote over k samples, and the agreement of the samples of a case.

Source: Wang et al., "Self-consistency improves chain of thought reasoning in language models" (2023), figure 2.
An even number of votes can tie, and a tie at the threshold names the utterance. Use odd k for a curve without zigzag.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fliptrace.core.errors import InputError
from fliptrace.predictions.rows import Prediction
from fliptrace.scoring.counts import Floats, f1_of_totals, labelled, sum_by_group

Bools = NDArray[np.bool_]


class VoteOfK(NamedTuple):
    """Votes over subsets of k samples.

    `f1` is the mean F1 over the subsets. `by_group`, (2, groups), is their mean tp and fp + fn; F1 of these mean counts
    is close to `f1` but not the same.
    """

    k: int
    f1: float
    by_group: Floats


def k_curve(
    predictions: Sequence[Prediction],
    ks: Iterable[int],
    threshold: float = 0.5,
    num_subsets: int = 20,
    seed: int = 0,
    place: object = "predictions",
) -> tuple[VoteOfK, ...]:
    """The mean F1 of the vote over k samples, for every k, over random subsets drawn separately for each case.

    Votes are counted as in `voting.vote`: unparsed samples do not vote. InputError at `place` if cases differ in their
    number of samples, or have fewer than k.
    """
    samples = _samples(predictions, place)
    curve = []
    for k in ks:
        if not 1 <= k <= samples.num:
            raise InputError(place, f"k is {k}; expected 1..{samples.num}, the number of samples per case")
        rng = np.random.default_rng((seed, k))
        num_draws = 1 if k == samples.num else num_subsets  # there is only one subset of all samples
        draws = [_by_group(samples, _subset(samples, k, rng), threshold) for _ in range(num_draws)]
        f1 = float(np.mean([f1_of_totals(by_group.sum(axis=1)) for by_group in draws]))
        curve.append(VoteOfK(k, f1, np.mean(draws, axis=0)))
    return tuple(curve)


def agreement(predictions: Sequence[Prediction]) -> float:
    """The mean share, from 0 to 1, of samples that give the most frequent answer of their case.

    Unparsed samples count as disagreeing.
    """
    shares = []
    for prediction in predictions:
        counts = Counter(answer.value for answer in prediction.answers if answer.value is not None)
        shares.append(max(counts.values(), default=0) / max(len(prediction.answers), 1))
    return float(np.mean(shares))


class _Samples(NamedTuple):
    """All samples of the labelled cases.

    `named` is (cases, samples, utterances), `valid` is (cases, samples), `gold` and `known` are (cases, utterances).
    `known` is false after the target of a case.
    """

    named: Bools
    valid: Bools
    gold: Bools
    known: Bools
    groups: tuple[str, ...]

    @property
    def num(self) -> int:
        return int(self.valid.shape[1])


def _samples(predictions: Sequence[Prediction], place: object) -> _Samples:
    rows = labelled(predictions, place)
    numbers = sorted({len(row.prediction.answers) for row in rows})
    if len(numbers) > 1:
        raise InputError(place, f"{numbers[0]} samples of one case, {numbers[-1]} of another; expected equally many")
    num_utterances = max(row.prediction.flip.target for row in rows) + 1
    named = np.zeros((len(rows), numbers[0], num_utterances), dtype=bool)
    valid = np.zeros((len(rows), numbers[0]), dtype=bool)
    gold, known = (np.zeros((len(rows), num_utterances), dtype=bool) for _ in range(2))
    for position, (prediction, triggers) in enumerate(rows):
        target = prediction.flip.target
        known[position, prediction.known_from : target + 1] = True
        gold[position, list(triggers)] = True
        for number, answer in enumerate(prediction.answers):
            valid[position, number] = answer.value is not None
            named[position, number, [i for i in answer.value or () if i <= target]] = True
    return _Samples(named, valid, gold, known, tuple(row.prediction.group for row in rows))


def _subset(samples: _Samples, k: int, rng: np.random.Generator) -> NDArray[Any]:
    """The indices of k random samples of every case, (cases, k)."""
    return rng.permuted(np.tile(np.arange(samples.num), (len(samples.valid), 1)), axis=1)[:, :k]


def _by_group(samples: _Samples, chosen: NDArray[Any], threshold: float) -> Floats:
    """tp and fp + fn of the votes over the chosen samples, (2, groups)."""
    num_valid = np.take_along_axis(samples.valid, chosen, axis=1).sum(axis=1)
    num_naming = np.take_along_axis(samples.named, chosen[:, :, None], axis=1).sum(axis=1)  # (cases, utterances)
    named = (num_naming / np.maximum(num_valid, 1)[:, None] >= threshold) & samples.known
    gold = samples.gold & samples.known
    counts = np.stack([(named & gold).sum(axis=1), (named ^ gold).sum(axis=1)])
    return sum_by_group(samples.groups, counts)
