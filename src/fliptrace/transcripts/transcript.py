"""What reading a transcript gives: one dialogue, and what a reader of its analysis should know of the reading."""

from __future__ import annotations

from dataclasses import dataclass

from fliptrace.core.dialogue import Dialogue, Utterance


@dataclass(frozen=True, slots=True)
class Transcript:
    """A dialogue from a file. `format` is the name it was read under; `notes` are sentences, in no promised wording."""

    dialogue: Dialogue
    format: str
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.dialogue)

    @property
    def utterances(self) -> tuple[Utterance, ...]:
        return self.dialogue.utterances

    @property
    def speakers(self) -> tuple[str, ...]:
        """One speaker an utterance, in order."""
        return self.dialogue.speakers

    @property
    def emotions(self) -> tuple[str | None, ...]:
        """One emotion an utterance, in order; None where the file gives none."""
        return self.dialogue.emotions
