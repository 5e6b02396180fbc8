"""Dialogues and their utterances: who said what, in which order, with which emotion.

Utterance indices are 0-based positions everywhere in the package.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from fliptrace.core.emotion_sets import EmotionSet


@dataclass(frozen=True, slots=True)
class Utterance:
    """One utterance of a dialogue.

    `emotion` is None if the utterance is unlabelled. `start` and `end` are seconds from the beginning of the dialogue.
    `cues` are short descriptions of what the text does not contain ("laughs", "slams the door").
    """

    speaker: str
    text: str
    emotion: str | None = None
    start: float | None = None
    end: float | None = None
    cues: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.speaker.strip():
            raise ValueError("an utterance without a speaker")
        if self.start is not None and self.end is not None and self.end < self.start:
            raise ValueError(f"an utterance that ends ({self.end} s) before it starts ({self.start} s)")


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A sequence of utterances in the order they were said, with its emotion set and origin.

    `group` names the cluster of overlapping dialogues that this one belongs to; splits and bootstrap samples keep a
    group together. `split` is "train", "val", "test", or "" if the dialogue belongs to no split.
    """

    id: str
    group: str
    utterances: tuple[Utterance, ...]
    emotion_set: EmotionSet
    corpus: str = ""
    split: str = ""

    def __post_init__(self) -> None:
        if not self.utterances:
            raise ValueError(f"dialogue {self.id!r} has no utterances")
        for position, utterance in enumerate(self.utterances):
            if utterance.emotion is not None and utterance.emotion not in self.emotion_set:
                raise ValueError(
                    f"dialogue {self.id!r} utterance {position}: unknown emotion {utterance.emotion!r}; "
                    f"{self.emotion_set.name} has {', '.join(self.emotion_set.labels)}"
                )

    def __len__(self) -> int:
        return len(self.utterances)

    @property
    def speakers(self) -> tuple[str, ...]:
        """The speaker of each utterance, in order."""
        return tuple(utterance.speaker for utterance in self.utterances)

    @property
    def emotions(self) -> tuple[str | None, ...]:
        """The emotion of each utterance, in order; None for an unlabelled one."""
        return tuple(utterance.emotion for utterance in self.utterances)

    def with_emotions(self, emotions: tuple[str | None, ...]) -> Dialogue:
        """Return the same dialogue with other emotion labels, one per utterance."""
        if len(emotions) != len(self.utterances):
            raise ValueError(f"dialogue {self.id!r}: {len(self.utterances)} utterances but {len(emotions)} emotions")
        relabelled = zip(self.utterances, emotions, strict=True)
        return replace(self, utterances=tuple(replace(u, emotion=emotion) for u, emotion in relabelled))
