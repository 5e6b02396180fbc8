"""The words that an encoder model learns emotions from, kept with it if they tell its languages from others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.files import Json
from fliptrace.models.known_words import KnownWords
from fliptrace.training.encoder.units import UNKNOWN, Unit

PASSING = 0.99  # of the dialogues of val, in which nobody may be taken for a speaker of another language


class LearnedWords(NamedTuple):
    """`words` is None where they were learnt from too little text. `num_unfamiliar` dialogues of val do not pass."""

    words: KnownWords | None
    num_unfamiliar: int
    num_dialogues: int

    def to_json(self) -> Json:
        counts = {"num_dialogues": self.num_dialogues, "num_unfamiliar": self.num_unfamiliar}
        return counts | {"kept": self.words is not None}


def learn_words(units: Sequence[Unit], val: Iterable[Dialogue]) -> LearnedWords:
    """Learn the words of all labelled utterances, and try them on the dialogues of val."""
    texts = {
        text
        for unit in units
        if unit.teaches_emotions
        for text, label in zip(unit.texts, unit.labels.tolist(), strict=True)
        if label != UNKNOWN
    }
    words = KnownWords.learn(texts)
    is_unfamiliar = [bool(words.unfamiliar_speakers(dialogue)) for dialogue in val]
    num_unfamiliar, num_dialogues = sum(is_unfamiliar), len(is_unfamiliar)
    is_kept = num_dialogues > 0 and num_dialogues - num_unfamiliar >= PASSING * num_dialogues
    return LearnedWords(words if is_kept else None, num_unfamiliar, num_dialogues)
