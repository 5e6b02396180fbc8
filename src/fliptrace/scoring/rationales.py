"""Scores of rationales: whether what they observe is true of their prompt, and whether the answer follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fliptrace.core.flips import FlipCase
from fliptrace.predictions.rows import Prediction
from fliptrace.prompts.chains import false_observations, parse_chain
from fliptrace.prompts.views import Layout, View


class RationaleScores(NamedTuple):
    """How trustworthy rationales are, over the cases whose prompt was not cut.

    Counts observations that are false for the prompt, and answers that contradict their own verdicts.
    """

    num_rationales: int
    num_observations: int
    num_false_observations: int
    num_self_contradictions: int


def score_rationales(predictions: Sequence[Prediction], cases: Sequence[FlipCase], layout: Layout) -> RationaleScores:
    """Check every observation of every first reply against its prompt."""
    parsed = [
        (view, parse_chain(answer.text, view))
        for prediction, case in zip(predictions, cases, strict=True)
        for view in [View(case, layout)]
        for answer in prediction.drafts or prediction.answers
        if prediction.num_dropped == prediction.num_shortened == 0
    ]
    rationales = [(view, chain) for view, chain in parsed if chain.observations]
    return RationaleScores(
        num_rationales=len(rationales),
        num_observations=sum(len(chain.observations) for _, chain in rationales),
        num_false_observations=sum(len(list(false_observations(c.observations, view))) for view, c in rationales),
        num_self_contradictions=sum(c.answer.value not in (None, c.verdicts) for _, c in rationales),
    )
