"""Trigger scores of predictions for flip cases, pooled over all known utterances of all cases.

The main score is the F1 of class "trigger". Macro and weighted F1 average it with that of class "no trigger", to which
most utterances belong: naming no trigger at all has a weighted F1 of 0.79 on MELD-FR val and 0.91 on MaSaC-FR val. So
each score goes by its full name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, get_args

import numpy as np
from sklearn.metrics import precision_recall_fscore_support

from fliptrace.core.messages import AnomalyKind, PreventedKind
from fliptrace.core.voting import Vote
from fliptrace.models.rules import Rule
from fliptrace.predictions.rows import Prediction
from fliptrace.scoring.counts import CaseCounts, Counts, count_case, labelled


@dataclass(frozen=True, slots=True)
class TriggerScores:
    """Scores of the labelled cases. Everything but `num_unlabelled` is about these alone.

    `f1`, `precision` and `recall` are of class "trigger". `exact_match` is the share of cases whose whole set is right.
    `anomalies` counts over all `num_answers` answers, whether their votes prevailed or not; `prevented` counts what
    constrained decoding prevented in them. `mean_remaining` is the mean probability that exact decoding did not score,
    or None if no case was decoded exactly.
    """

    f1: float
    precision: float
    recall: float
    exact_match: float
    macro_f1: float
    weighted_f1: float
    num_flips: int
    num_utterances: int
    num_unparsed: int
    num_unlabelled: int
    num_answers: int
    anomalies: Mapping[str, int]
    prevented: Mapping[str, int]
    mean_remaining: float | None
    cases: tuple[CaseCounts, ...]


def score_triggers(predictions: Sequence[Prediction], place: object = "predictions") -> TriggerScores:
    """Score the predicted triggers from `known_from` to the target. InputError at `place` if no case is labelled.

    An unparsed prediction counts as the empty set.
    """
    rows = labelled(predictions, place)
    scored = [row.prediction for row in rows]
    cases = tuple(count_case(*row) for row in rows)
    metrics = _pooled_metrics(cases)
    answers = [answer for prediction in scored for answer in prediction.answers]
    remaining = [prediction.remaining for prediction in scored if prediction.remaining is not None]
    return TriggerScores(
        f1=metrics.f1,
        precision=metrics.precision,
        recall=metrics.recall,
        exact_match=sum(case.counts.num_wrong == 0 for case in cases) / len(cases),
        macro_f1=metrics.macro_f1,
        weighted_f1=metrics.weighted_f1,
        num_flips=len(cases),
        num_utterances=sum(case.num_utterances for case in cases),
        num_unparsed=sum(prediction.vote.is_unparsed for prediction in scored),
        num_unlabelled=len(predictions) - len(cases),
        num_answers=len(answers),
        anomalies=_count(get_args(AnomalyKind), (kind for answer in answers for kind in answer.anomalies)),
        prevented=_count(get_args(PreventedKind), (kind for answer in answers for kind in answer.prevented)),
        mean_remaining=float(np.mean(remaining)) if remaining else None,
        cases=cases,
    )


def answer_by_rule(prediction: Prediction, rule: Rule) -> Prediction:
    """The rule's prediction for the same case, from the same speakers and emotions."""
    triggers = rule.function(prediction.speakers, prediction.emotions, prediction.flip, prediction.neutral)
    support = tuple(float(i in triggers) for i in range(len(prediction.speakers)))
    vote = Vote(triggers, support, num_valid=1, num_samples=1)
    return replace(prediction, vote=vote, answers=(), drafts=(), verdicts=(), num_dropped=0, remaining=None)


class _Metrics(NamedTuple):
    f1: float
    precision: float
    recall: float
    macro_f1: float
    weighted_f1: float


def _pooled_metrics(cases: Sequence[CaseCounts]) -> _Metrics:
    """Scores over all known utterances by scikit-learn, from the four cells of the confusion matrix."""
    tp, fp, fn = Counts.total(case.counts for case in cases)
    tn = sum(case.num_utterances for case in cases) - tp - fp - fn
    precision, recall, f1, support = precision_recall_fscore_support(
        [1, 0, 1, 0], [1, 1, 0, 0], sample_weight=[tp, fp, fn, tn], labels=[0, 1], zero_division=0
    )
    macro_f1, weighted_f1 = np.mean(f1), np.average(f1, weights=support)
    return _Metrics(float(f1[1]), float(precision[1]), float(recall[1]), float(macro_f1), float(weighted_f1))


def _count(kinds: Iterable[str], found: Iterable[str]) -> dict[str, int]:
    """How often each kind was found, in the order of `kinds`, including zeros."""
    return dict.fromkeys(kinds, 0) | Counter(found)
