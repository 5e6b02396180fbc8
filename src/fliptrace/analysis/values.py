"""The values of an analysis: the emotions of one dialogue, its flips, and for each its triggers and a reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.flips import Flip, consequences


@dataclass(frozen=True, slots=True)
class FoundFlip:
    """A flip and what brought it about. `support[i]`, 0 to 1, is how far the model holds utterance i for a trigger.

    `reason_by` tells whether `reason` is the model's own rationale or a sentence built from what was decided.
    """

    flip: Flip
    triggers: frozenset[int]
    support: tuple[float, ...]
    reason: str
    reason_by: Literal["model", "template"] = "template"

    def __post_init__(self) -> None:
        if not all(0 <= share <= 1 for share in set(self.support)):
            raise ValueError(f"support {list(self.support)}: expected shares from 0 to 1")
        if not all(0 <= i <= self.flip.target < len(self.support) for i in (*self.triggers, 0)):
            raise ValueError(
                f"triggers {sorted(self.triggers)} of the flip at {self.flip.target}: outside the dialogue"
            )


@dataclass(frozen=True, slots=True)
class AnalysisValues:
    """One dialogue with an emotion for every utterance, and its flips in the order they land.

    `emotion_scores[i]` is the probability of each label at utterance i, None where the transcript gave the emotion or
    the model told no probabilities. `notes` are what a reader should know of how it came about (speakers made up,
    labels given); `format` is that of the transcript, "" where it was no file.
    """

    dialogue: Dialogue
    emotion_scores: tuple[Mapping[str, float] | None, ...]
    flips: tuple[FoundFlip, ...]
    model: str
    threshold: float
    notes: tuple[str, ...] = ()
    format: str = ""

    def __post_init__(self) -> None:
        if len(self.emotion_scores) != len(self.dialogue) or None in self.dialogue.emotions:
            raise ValueError(f"dialogue {self.dialogue.id!r}: expected an emotion and its scores for every utterance")

    @property
    def consequences(self) -> dict[Flip, tuple[Flip, ...]]:
        """For every flip, the later flips that it triggered."""
        return consequences({found.flip: found.triggers for found in self.flips})
