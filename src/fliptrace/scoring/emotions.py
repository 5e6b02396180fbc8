"""Emotion scores. Every labelled utterance of a dialogue counts once, however many flip cases contain it.

Papers on MELD and EmoryNLP report weighted F1. Macro F1 gives rare emotions the same weight as frequent ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from sklearn.metrics import cohen_kappa_score, precision_recall_fscore_support

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json
from fliptrace.predictions.rows import EmotionPrediction
from fliptrace.scoring.counts import Floats, sum_by_group
from fliptrace.scoring.intervals import NUM_DRAWS, Interval, cluster_interval


class LabelScores(NamedTuple):
    """The scores of one emotion. `num_gold` is the number of utterances labelled with it."""

    label: str
    precision: float
    recall: float
    f1: float
    num_gold: int


@dataclass(frozen=True, slots=True)
class EmotionScores:
    """Scores over the labelled utterances. Dialogues and groups without any are not counted.

    `by_label` has every label that is gold or predicted there, in alphabetical order. `macro_f1` is the plain mean of
    their F1, `weighted_f1` the mean weighted by `num_gold`. `kappa` is Cohen's, how far labels and predictions agree
    beyond chance; None if all of them are one label. `num_unparsed` is over all utterances.
    """

    weighted_f1: float
    macro_f1: float
    accuracy: float
    kappa: float | None
    by_label: tuple[LabelScores, ...]
    num_dialogues: int
    num_groups: int
    num_utterances: int
    num_unlabelled: int
    num_unparsed: int

    def labels_to_json(self) -> Json:
        """The scores of each label under its name."""
        return {
            row.label: {name: round(x, 6) for name, x in row._asdict().items() if name != "label"}
            for row in self.by_label
        }


class _Pair(NamedTuple):
    dialogue: str
    group: str
    gold: str
    predicted: str


def score_emotions(predictions: Sequence[EmotionPrediction], place: object = "predictions") -> EmotionScores:
    """Score emotions. InputError at `place` if no utterance is labelled, or if a dialogue occurs twice."""
    pairs = _labelled_pairs(predictions, place)
    gold, predicted = [pair.gold for pair in pairs], [pair.predicted for pair in pairs]
    labels = sorted({*gold, *predicted})
    precision, recall, f1, num_gold = precision_recall_fscore_support(gold, predicted, labels=labels, zero_division=0)
    return EmotionScores(
        weighted_f1=float(np.average(f1, weights=num_gold)),
        macro_f1=float(np.mean(f1)),
        accuracy=sum(pair.gold == pair.predicted for pair in pairs) / len(pairs),
        kappa=float(cohen_kappa_score(gold, predicted)) if len(labels) > 1 else None,
        by_label=tuple(
            LabelScores(label, float(p), float(r), float(f), int(n))
            for label, p, r, f, n in zip(labels, precision, recall, f1, num_gold, strict=True)
        ),
        num_dialogues=len({pair.dialogue for pair in pairs}),
        num_groups=len({pair.group for pair in pairs}),
        num_utterances=len(pairs),
        num_unlabelled=sum(len(prediction.gold) for prediction in predictions) - len(pairs),
        num_unparsed=sum(prediction.num_unparsed for prediction in predictions),
    )


def weighted_f1_interval(
    predictions: Sequence[EmotionPrediction], num_draws: int = NUM_DRAWS, seed: int = 0
) -> Interval | None:
    """The interval of weighted F1, or None if there is only one group."""
    pairs = _labelled_pairs(predictions, "predictions")
    gold, predicted = np.array([pair.gold for pair in pairs]), np.array([pair.predicted for pair in pairs])
    labels = np.unique(np.concatenate([gold, predicted]))[:, None]
    is_gold, is_predicted = gold == labels, predicted == labels  # each (labels, utterances)
    counts = np.concatenate([is_gold & is_predicted, is_gold, is_predicted])
    by_group = sum_by_group([pair.group for pair in pairs], counts)
    return cluster_interval(_weighted_f1_of_totals, by_group, num_draws, seed)


def _weighted_f1_of_totals(totals: Floats) -> Floats:
    """Weighted F1 from counts of right, gold and predicted, (3 x labels, draws), to (draws,)."""
    tp, num_gold, num_predicted = totals.reshape(3, -1, totals.shape[-1])  # each (labels, draws)
    f1 = 2 * tp / np.maximum(num_gold + num_predicted, 1)
    weighted_f1: Floats = (f1 * num_gold).sum(axis=0) / num_gold.sum(axis=0)
    return weighted_f1


def _labelled_pairs(predictions: Sequence[EmotionPrediction], place: object) -> list[_Pair]:
    seen: set[str] = set()
    for prediction in predictions:
        if prediction.id in seen:
            raise InputError(place, f"dialogue {prediction.id!r} occurs twice; expected each once")
        seen.add(prediction.id)
    pairs = [
        _Pair(prediction.id, prediction.group, gold, predicted)
        for prediction in predictions
        for gold, predicted in zip(prediction.gold, prediction.emotions, strict=True)
        if gold is not None
    ]
    if not pairs:
        raise InputError(place, "no labels; expected labelled utterances to score")
    return pairs
