"""Utterances that are too long for a model's context: the model is shown their beginning, the analysis keeps the whole.

A transcript may hold utterances of 10,000 characters, and words as long as that. Only what overruns is cut.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from fliptrace.core.dialogue import Dialogue
from fliptrace.inference.emotions import LABEL_TOKENS
from fliptrace.models.base import ChatModel, ReplyScorer
from fliptrace.prompts.emotions import emotion_view, render_emotion_question
from fliptrace.prompts.views import Layout

_SHORT = 200  # characters; a context that does not hold three utterances of this length is too short for any dialogue
_TIMES = 3  # a question shows source, target and what is said between them


class Shortened(NamedTuple):
    """A dialogue as a model reads it, and the positions of the utterances that were cut."""

    dialogue: Dialogue
    cut: tuple[int, ...]


def shorten_overlong(dialogue: Dialogue, reader: ChatModel | ReplyScorer, layout: Layout) -> Shortened:
    """Cut every utterance of which three do not fit the model's context together."""
    utterances, cut = list(dialogue.utterances), []
    for i, utterance in enumerate(utterances):
        shown = utterance.text
        if layout.name == "window":
            shown = " ".join(shown.split()[: layout.max_words])
        if len(shown) > _SHORT and not _fits(shown, dialogue, reader, layout):
            utterances[i] = replace(utterance, text=f"{shown[: _longest(shown, dialogue, reader, layout)]} …")
            cut.append(i)
    return Shortened(replace(dialogue, utterances=tuple(utterances)), tuple(cut)) if cut else Shortened(dialogue, ())


def _longest(text: str, dialogue: Dialogue, reader: ChatModel | ReplyScorer, layout: Layout) -> int:
    """The largest number of characters, from _SHORT on, with which a text fits; found by bisection."""
    low, high = _SHORT, len(text)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _fits(f"{text[:middle]} …", dialogue, reader, layout) else (low, middle)
    return low


def _fits(text: str, dialogue: Dialogue, reader: ChatModel | ReplyScorer, layout: Layout) -> bool:
    utterance = replace(dialogue.utterances[0], text=text, emotion=None, cues=())
    view = emotion_view(replace(dialogue, utterances=(utterance,) * _TIMES), _TIMES - 1, layout)
    return reader.fits(render_emotion_question(view), LABEL_TOKENS)
