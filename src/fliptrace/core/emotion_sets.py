"""Emotion label sets of the supported corpora, and mappings between them. Users declare their own (own_emotions.py)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True)
class EmotionSet:
    """A closed, ordered set of emotion labels.

    `neutral` is the label of utterances without emotion: "neutral" if the set has it, unless another is given; None if
    there is none. `spellings` are other names of labels in files, each with the label that it stands for.

    >>> MELD7.canonical(" Joy ")
    'joy'
    >>> MELD7.canonical("contempt")
    Traceback (most recent call last):
    ValueError: unknown emotion 'contempt'; meld7 has anger, disgust, fear, joy, neutral, sadness, surprise
    """

    name: str
    labels: tuple[str, ...]
    neutral: str | None = None
    spellings: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if not self.labels:
            raise ValueError(f"emotion set {self.name!r} has no labels")
        if len(set(self.labels)) != len(self.labels):
            raise ValueError(f"emotion set {self.name!r} names a label twice")
        if any(label != label.strip().lower() or not label for label in self.labels):
            raise ValueError(f"emotion set {self.name!r}: expected labels in lower case, without surrounding blanks")
        if self.neutral is None and NEUTRAL in self.labels:
            object.__setattr__(self, "neutral", NEUTRAL)
        unknown = {self.neutral or self.labels[0], *(label for _, label in self.spellings)} - set(self.labels)
        if unknown:
            raise ValueError(
                f"emotion set {self.name!r} has no label {min(unknown)!r}; it has {', '.join(self.labels)}"
            )

    def __contains__(self, label: object) -> bool:
        return label in self.labels

    def canonical(self, raw: str) -> str:
        """Return a label in the spelling of this set; ValueError for an unknown one."""
        label = raw.strip().lower()
        label = dict(self.spellings).get(label, label)
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
    """Map a label of any set to MASAC8, the largest Ekman-style set; None if it has no counterpart there.

    In a set of one's own, those that are called as there have one, and its neutral label.

    >>> to_masac8("mad", EMORYNLP7), to_masac8("peaceful", EMORYNLP7), to_masac8("joy", MELD7)
    ('anger', None, 'joy')
    """
    if emotion_set == EMORYNLP7:
        return EMORYNLP7_TO_MASAC8[label]
    return NEUTRAL if label == emotion_set.neutral else label if label in MASAC8 else None


def labels_unlike_masac8(emotion_set: EmotionSet) -> tuple[str, ...]:
    """The labels of a set of one's own that have no counterpart in MASAC8.

    >>> labels_unlike_masac8(EmotionSet("own", ("calm", "joy", "tense"), neutral="calm"))
    ('tense',)
    """
    is_known = emotion_set in EMOTION_SETS.values()
    return () if is_known else tuple(label for label in emotion_set.labels if to_masac8(label, emotion_set) is None)
