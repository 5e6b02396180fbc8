"""The emotions of many utterances in one reply, one line each: a number and a label. From bare text.

A turn shows a stretch of the dialogue and asks about its utterances. A long dialogue takes several turns, each with a
few earlier utterances as context, so that cost is linear in the length.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.messages import Message
from fliptrace.prompts import shared

TURN_UTTERANCES = 32  # shown in one turn
NUM_CONTEXT = 8  # of them, utterances that an earlier turn has asked about


@dataclass(frozen=True, slots=True)
class EmotionTurn:
    """The utterances from `first` to `last` are shown; it is asked about those from `asked` on."""

    dialogue: Dialogue
    first: int
    asked: int
    last: int

    @property
    def indices(self) -> range:
        """The utterances asked about."""
        return range(self.asked, self.last + 1)

    def line_start(self, index: int) -> str:
        """What stands before the label of an utterance in the reply: a line break, unless it is the first, and its
        number.
        """
        line_break = "" if index == self.asked else "\n"
        return f"{line_break}{index + 1}"


def emotion_turns(dialogue: Dialogue) -> Iterator[EmotionTurn]:
    """The turns of a dialogue, which ask about every utterance once.

    A single turn asks about up to `TURN_UTTERANCES`; in later ones `NUM_CONTEXT` utterances are context.
    """
    asked = 0
    while asked < len(dialogue):
        first = max(0, asked - NUM_CONTEXT)
        last = min(first + TURN_UTTERANCES, len(dialogue)) - 1
        yield EmotionTurn(dialogue, first, asked, last)
        asked = last + 1


def render_turn_question(turn: EmotionTurn) -> tuple[Message, ...]:
    bare = (None,) * len(turn.dialogue)
    lines = shared.render_lines(turn.dialogue, range(turn.first, turn.last + 1), bare)
    question = f"{lines}Emotions {turn.asked + 1}-{turn.last + 1}"
    return (Message("system", shared.system_text(turn.dialogue.emotion_set)), Message("user", question))


def render_label(label: str) -> str:
    """The label as it follows a number."""
    return f" {label}"


def render_turn_reply(turn: EmotionTurn, emotions: Mapping[int, str]) -> str:
    """The reply: one line for every utterance asked about that has an emotion.

    >>> from fliptrace.core.dialogue import Utterance
    >>> from fliptrace.core.emotion_sets import MELD7
    >>> dialogue = Dialogue("d", "d", (Utterance("Ann", "Oh."), Utterance("Bob", "Yes!")), MELD7)
    >>> [turn] = emotion_turns(dialogue)
    >>> render_turn_reply(turn, {0: "surprise", 1: "joy"})
    '1 surprise\\n2 joy'
    """
    lines = (f"{turn.line_start(i)}{render_label(emotions[i])}" for i in turn.indices if i in emotions)
    return "".join(lines).lstrip("\n")
