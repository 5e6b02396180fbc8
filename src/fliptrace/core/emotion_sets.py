"""Emotion label sets of the supported corpora, and mappings between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EmotionSet:
    """A closed, ordered set of emotion labels.

    >>> MELD7.canonical(" Joy ")
    'joy'
    >>> MELD7.canonical("contempt")
    Traceback (most recent call last):
    ValueError: unknown emotion 'contempt'; meld7 has anger, disgust, fear, joy, neutral, sadness, surprise
    """

    name: str
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.labels:
            raise ValueError(f"emotion set {self.name!r} has no labels")
        if len(set(self.labels)) != len(self.labels):
            raise ValueError(f"emotion set {self.name!r} names a label twice")
        if any(label != label.strip().lower() or not label for label in self.labels):
            raise ValueError(f"emotion set {self.name!r}: expected labels in lower case, without surrounding blanks")

    def __contains__(self, label: object) -> bool:
        return label in self.labels

    def canonical(self, raw: str) -> str:
        """Return a label in the spelling of this set; ValueError for an unknown one."""
        label = raw.strip().lower()
        if label not in self.labels:
            raise ValueError(f"unknown emotion {raw!r}; {self.name} has {', '.join(self.labels)}")
        return label


MELD7 = EmotionSet("meld7", ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise"))
MASAC8 = EmotionSet("masac8", ("anger", "contempt", "disgust", "fear", "joy", "neutral", "sadness", "surprise"))
EMORYNLP7 = EmotionSet("emorynlp7", ("joyful", "mad", "neutral", "peaceful", "powerful", "sad", "scared"))
EKMAN7 = EmotionSet("ekman7", MELD7.labels)  # GoEmotions' own grouping of its 27 labels

EMOTION_SETS: Mapping[str, EmotionSet] = {s.name: s for s in (MELD7, MASAC8, EMORYNLP7, EKMAN7)}

# EmoryNLP's labels come from Willcox's feeling wheel; "peaceful" and "powerful" have no counterpart in Ekman's set.
EMORYNLP7_TO_MASAC8: Mapping[str, str | None] = {
    "joyful": "joy",
    "mad": "anger",
    "neutral": "neutral",
    "peaceful": None,
    "powerful": None,
    "sad": "sadness",
    "scared": "fear",
}


def to_masac8(label: str, emotion_set: EmotionSet) -> str | None:
    """Map a label of any known set to MASAC8, the largest Ekman-style set; None if it has no counterpart there.

    >>> to_masac8("mad", EMORYNLP7), to_masac8("peaceful", EMORYNLP7), to_masac8("joy", MELD7)
    ('anger', None, 'joy')
    """
    return EMORYNLP7_TO_MASAC8[label] if emotion_set == EMORYNLP7 else MASAC8.canonical(label)
