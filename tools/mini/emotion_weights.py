"""How far a model's probabilities of frequent emotions are weighed down: a power of their shares, chosen on val.

Source: Menon et al., "Long-tail learning via logit adjustment" (2021).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fliptrace.core.dialogue import Dialogue
from fliptrace.corpora.longest_prefixes import LongestPrefix
from fliptrace.inference.emotions import EmotionLabels, LabelledUtterance, combine_utterances, label_emotions, reweight
from fliptrace.inference.task_files import emotion_row
from fliptrace.models.base import ReplyScorer
from fliptrace.prompts.views import Layout
from fliptrace.scoring.emotions import score_emotions
from fliptrace.training.recipe import Recipe

POWERS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)


class EmotionWeights(NamedTuple):
    """`weights` by label are its share of the training labels to the power of `-power`, the largest share's being 1.

    `weighted_f1` is the mean over the sets it was chosen on, by power.
    """

    power: float
    weights: dict[str, float]
    weighted_f1: dict[str, float]


def choose_emotion_weights(
    model: ReplyScorer, sets: Sequence[Sequence[Dialogue]], layout: Layout, shares: Mapping[str, float]
) -> EmotionWeights:
    """The power with the best mean of weighted F1 over these sets; of equals the smaller one."""
    read = [(dialogues, list(label_emotions(model, dialogues, layout))) for dialogues in sets]
    by_power = {
        power: sum(_weighted_f1(dialogues, labels, weigh(shares, power)) for dialogues, labels in read) / len(read)
        for power in POWERS
    }
    power = max(POWERS, key=lambda power: (round(by_power[power], 6), -power))
    return EmotionWeights(power, weigh(shares, power), {str(p): round(f1, 6) for p, f1 in by_power.items()})


def weigh(shares: Mapping[str, float], power: float) -> dict[str, float]:
    """
    >>> weigh({"joy": 0.2, "neutral": 0.8}, 0.5)
    {'joy': 2.0, 'neutral': 1.0}
    """
    highest = max(shares.values())
    return {label: round((share / highest) ** -power, 4) for label, share in sorted(shares.items())}


def label_shares(recipe: Recipe, emotions: Mapping[str, Sequence[Dialogue]]) -> dict[str, float]:
    """Shares of the labels as the last stage that teaches emotions has them; empty where none does."""
    taught = [stage for stage in recipe.stages if "emotion" in stage.mixture]
    files = [recipe.data.emotions if stage.emotions is None else stage.emotions for stage in taught]
    counts: Counter[str] = Counter()
    for ref in files[-1] if files else ():
        counts.update(emotion for dialogue in emotions[ref] for emotion in dialogue.emotions if emotion is not None)
    return {label: count / counts.total() for label, count in counts.items()}


def _weighted_f1(dialogues: Sequence[Dialogue], labels: Sequence[EmotionLabels], weights: Mapping[str, float]) -> float:
    rows = []
    for dialogue, read in zip(dialogues, labels, strict=True):
        assert read.scores is not None
        emotions = dialogue.emotion_set
        labelled = [
            reweight(LabelledUtterance(label, scores), emotions, weights)
            for label, scores in zip(read.emotions, read.scores, strict=True)
        ]
        rows.append(emotion_row(LongestPrefix(dialogue), combine_utterances(labelled, emotions)))
    return score_emotions(rows).weighted_f1
