"""Scores of self-evaluation: how well a model judges its own answers, and what it changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fliptrace.core.files import Json
from fliptrace.predictions.rows import Prediction


class SelfEvaluationScores(NamedTuple):
    """Counts over all samples of all labelled cases.

    `num_right_before` is also the score of the baseline that keeps every draft. `verdict_balanced_accuracy` is that of
    telling right from wrong drafts, over the verdicts that could be read; None if these drafts are all right or all
    wrong.
    """

    num_drafts: int
    num_right_before: int
    num_right_after: int
    wrong_to_right: int
    right_to_wrong: int
    num_without_verdict: int
    verdict_balanced_accuracy: float | None

    def to_json(self) -> Json:
        return self._asdict()


def score_self_evaluation(predictions: Sequence[Prediction]) -> SelfEvaluationScores | None:
    """Score the verdicts and final answers; None if no labelled prediction was judged by its model."""
    rows = [row for p in predictions for row in _judged(p)]
    if not rows:
        return None
    return SelfEvaluationScores(
        num_drafts=len(rows),
        num_right_before=sum(row.right_before for row in rows),
        num_right_after=sum(row.right_after for row in rows),
        wrong_to_right=sum(row.right_after and not row.right_before for row in rows),
        right_to_wrong=sum(row.right_before and not row.right_after for row in rows),
        num_without_verdict=sum(row.verdict is None for row in rows),
        verdict_balanced_accuracy=_balanced_accuracy(rows),
    )


class _Judged(NamedTuple):
    right_before: bool
    right_after: bool
    verdict: bool | None


def _judged(prediction: Prediction) -> Iterable[_Judged]:
    if prediction.gold is None:
        return
    for draft, final, verdict in zip(prediction.drafts, prediction.answers, prediction.verdicts, strict=False):
        yield _Judged(_is_right(prediction, draft.value), _is_right(prediction, final.value), verdict)


def _is_right(prediction: Prediction, value: frozenset[int] | None) -> bool:
    """Whether an answer equals gold over the known utterances. An unreadable answer is wrong."""
    known = range(prediction.known_from, prediction.flip.target + 1)
    gold = prediction.gold or frozenset()
    return value is not None and {i for i in value if i in known} == {i for i in gold if i in known}


def _balanced_accuracy(rows: Sequence[_Judged]) -> float | None:
    read = [row for row in rows if row.verdict is not None]
    if len({row.right_before for row in read}) < 2:
        return None
    from sklearn.metrics import balanced_accuracy_score

    return float(balanced_accuracy_score([row.right_before for row in read], [row.verdict for row in read]))
