"""The result of reading a transcript file: one dialogue, with notes on how it was read."""

from __future__ import annotations

from dataclasses import dataclass

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.transcripts.source import LeftOut


@dataclass(frozen=True, slots=True)
class Transcript:
    """A dialogue read from a file. `format` is the name of the reader; the wording of `notes` may change.

    `places[i]` is where utterance i begins in the file ("line 12"). `left_out` is everything in the file that was read
    as something else than speech, with the reason.
    """

    dialogue: Dialogue
    format: str
    notes: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    def __len__(self) -> int:
        return len(self.dialogue)

    @property
    def utterances(self) -> tuple[Utterance, ...]:
        return self.dialogue.utterances

    @property
    def speakers(self) -> tuple[str, ...]:
        """The speaker of each utterance, in order."""
        return self.dialogue.speakers

    @property
    def emotions(self) -> tuple[str | None, ...]:
        """The emotion of each utterance, in order; None if the file gives none."""
        return self.dialogue.emotions
