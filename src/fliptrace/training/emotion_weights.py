"""Reweights the emotion probabilities of a model by a power of the labels' training shares, chosen on val.

Frequent emotions are made less probable, rare ones more probable.

Source: Menon et al., "Long-tail learning via logit adjustment" (2021).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fliptrace.core.dialogue import Dialogue
from fliptrace.corpora.longest_prefixes import LongestPrefix
from fliptrace.inference.emotions import EmotionLabels, reweight_labels
from fliptrace.inference.task_files import emotion_row
from fliptrace.scoring.emotions import score_emotions
from fliptrace.training.recipe import Recipe

POWERS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)


class EmotionWeights(NamedTuple):
    """The chosen power and its weights.

    `weights` has, for every label, its training share relative to the largest share, to the power of `-power`; the most
    frequent label has weight 1. `weighted_f1` is the mean over the val sets for every power.
    """

    power: float
    weights: dict[str, float]
    weighted_f1: dict[str, float]


def choose_emotion_weights(
    labelled: Sequence[tuple[Sequence[Dialogue], Sequence[EmotionLabels]]], shares: Mapping[str, float]
) -> EmotionWeights:
    """Choose the power with the best mean weighted F1 over these sets; of equals, the smaller one.

    `labelled` has the dialogues of every set and their labels, whose distributions no weights have changed.
    """
    by_power = {
        power: sum(_weighted_f1(*each, weigh(shares, power)) for each in labelled) / len(labelled) for power in POWERS
    }
    power = max(POWERS, key=lambda power: (round(by_power[power], 6), -power))
    return EmotionWeights(power, weigh(shares, power), {str(p): round(f1, 6) for p, f1 in by_power.items()})


def weigh(shares: Mapping[str, float], power: float) -> dict[str, float]:
    """Return the weight of every label, given the labels' shares.

    >>> weigh({"joy": 0.2, "neutral": 0.8}, 0.5)
    {'joy': 2.0, 'neutral': 1.0}
    """
    highest = max(shares.values())
    return {label: round((share / highest) ** -power, 4) for label, share in sorted(shares.items())}


def label_shares(recipe: Recipe, emotions: Mapping[str, Sequence[Dialogue]]) -> dict[str, float]:
    """Return the label shares of the last stage that teaches emotions; empty where no stage does."""
    stages = [stage for stage in recipe.stages if "emotion" in stage.mixture]
    files = [recipe.data.emotions if stage.emotions is None else stage.emotions for stage in stages]
    counts: Counter[str] = Counter()
    for ref in files[-1] if files else ():
        counts.update(emotion for dialogue in emotions[ref] for emotion in dialogue.emotions if emotion is not None)
    return {label: count / counts.total() for label, count in counts.items()}


def _weighted_f1(dialogues: Sequence[Dialogue], labels: Sequence[EmotionLabels], weights: Mapping[str, float]) -> float:
    rows = [
        emotion_row(LongestPrefix(dialogue), reweight_labels(each, dialogue.emotion_set, weights))
        for dialogue, each in zip(dialogues, labels, strict=True)
    ]
    return score_emotions(rows).weighted_f1
