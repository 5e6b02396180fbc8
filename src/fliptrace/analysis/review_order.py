"""What a person who corrects an analysis should look at first: where the model was least sure."""

from __future__ import annotations

import math
from collections.abc import Mapping

from fliptrace.analysis.values import AnalysisValues

_EVEN = 0.5  # where flips are reported without a threshold, those as likely as not are the least sure


def doubtfulness(analysis: AnalysisValues) -> tuple[float, ...]:
    """How unsure the model was of each utterance, 0 to 1: of its emotion or of the flip that lands on it.

    It is the larger of two numbers: the entropy of the emotion's probabilities, as a share of that of equal ones, and
    how near the probability of the flip is to the threshold. Pairs that were not reported as flips have no known
    probability. What the model gives no probabilities for counts as sure.
    """
    num_labels = len(analysis.dialogue.emotion_set.labels)
    doubts = [relative_entropy(scores, num_labels) if scores else 0.0 for scores in analysis.emotion_scores]
    threshold = _EVEN if analysis.flip_threshold is None else analysis.flip_threshold
    for found in analysis.flips:
        if found.probability is not None:
            nearness = nearness_to(threshold, found.probability)
            doubts[found.flip.target] = max(doubts[found.flip.target], nearness)
    return tuple(round(doubt, 4) for doubt in doubts)


def relative_entropy(scores: Mapping[str, float], num_labels: int) -> float:
    """The entropy of probabilities over that of equal ones.

    >>> relative_entropy({"joy": 0.5, "fear": 0.5}, 2), relative_entropy({"joy": 1.0}, 2)
    (1.0, 0.0)
    """
    entropy = sum(-share * math.log(share) for share in scores.values() if share > 0)
    return min(entropy / math.log(num_labels), 1.0) if num_labels > 1 else 0.0


def nearness_to(threshold: float, probability: float) -> float:
    """1 at the threshold, 0 as far from it as a probability can be.

    >>> nearness_to(0.4, 0.4), nearness_to(0.4, 1.0), nearness_to(0.5, 0.75)
    (1.0, 0.0, 0.5)
    """
    return 1 - abs(probability - threshold) / max(threshold, 1 - threshold)
