"""Utterances that are too long for a model's context: prompts show their beginning, results keep the whole.

A transcript may hold utterances of 10,000 characters, and words as long as that. Only what overruns is cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from fliptrace.core.dialogue import Dialogue
from fliptrace.prompts.views import Layout

_SHORT = 200  # characters; a context that does not hold three utterances of this length is too short for any dialogue
_TIMES = 3  # a question shows source, target and what is said between them


class Shortened(NamedTuple):
    """A dialogue as a model reads it, and the positions of the utterances that were cut."""

    dialogue: Dialogue
    cut: tuple[int, ...] = ()


def shorten_overlong(
    dialogue: Dialogue, indices: Iterable[int], layout: Layout, fits: Callable[[Dialogue], bool]
) -> Shortened:
    """Cut each of these utterances of which three do not fit the model's context together.

    `fits` tells whether a question about the last utterance of a dialogue fits; it is given dialogues of three.
    """
    utterances, cut = list(dialogue.utterances), []

    def fits_thrice(index: int, text: str) -> bool:
        utterance = replace(dialogue.utterances[index], text=text)
        return fits(replace(dialogue, utterances=(utterance,) * _TIMES))

    for i in indices:
        shown = utterances[i].text
        if layout.name == "window":
            shown = " ".join(shown.split()[: layout.max_words])
        if len(shown) > _SHORT and not fits_thrice(i, shown):
            utterances[i] = replace(utterances[i], text=_longest_beginning(shown, partial(fits_thrice, i)))
            cut.append(i)
    return Shortened(replace(dialogue, utterances=tuple(utterances)), tuple(cut)) if cut else Shortened(dialogue)


def _longest_beginning(text: str, fits: Callable[[str], bool]) -> str:
    """The longest beginning, of at least _SHORT characters, with which a text fits; found by bisection."""
    low, high = _SHORT, len(text)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(f"{text[:middle]} …") else (low, middle)
    return f"{text[:low]} …"
