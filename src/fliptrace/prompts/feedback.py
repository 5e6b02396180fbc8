"""Stage 2: the model sees its own answer with feedback on it, and corrects it.

There is no training loss on the earlier answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from fliptrace.core.messages import Answer, Message
from fliptrace.prompts.answers import Ask, render_question
from fliptrace.prompts.thoughts import cut_thoughts
from fliptrace.prompts.views import View

FeedbackLevel = Literal["verdict", "kind of error", "full"]
_UNREADABLE = "no answer can be read from it"
_AGAIN: dict[Ask, str] = {
    "answer": "Give the right answer line.",
    "chain": "Go through the candidates anew and end on the right answer line.",
}
_AGAIN_SHORT = "Again."


@dataclass(frozen=True, slots=True)
class Feedback:
    """How an answer differs from the labelled triggers, over the utterances shown."""

    is_readable: bool
    wrong: frozenset[int]
    missing: frozenset[int]

    @property
    def is_right(self) -> bool:
        return self.is_readable and not self.wrong and not self.missing


def give_feedback(answer: Answer, triggers: frozenset[int], view: View) -> Feedback:
    """Compare an answer with those of the triggers that the view shows."""
    if answer.value is None:
        return Feedback(False, frozenset(), view.visible(triggers))
    return Feedback(True, answer.value - triggers, view.visible(triggers) - answer.value)


def render_feedback(feedback: Feedback, level: FeedbackLevel, view: View) -> str:
    """The feedback in one sentence. Higher levels reveal more of the right answer."""
    if feedback.is_right:
        return "Your answer is right."
    if level == "verdict":
        return "Your answer is not right."
    unreadable = [] if feedback.is_readable else [_UNREADABLE]
    if level == "kind of error":
        wrong = ["it names what is no trigger"] if feedback.wrong else []
        missing = ["it misses a trigger"] if feedback.missing and feedback.is_readable else []
    else:
        wrong = [f"{_mentions(feedback.wrong, view)} did not trigger it"] if feedback.wrong else []
        missing = [f"{_mentions(feedback.missing, view)} is missing"] if feedback.missing else []
    return f"Your answer is not right: {'; '.join([*unreadable, *wrong, *missing])}."


def parse_feedback(text: str, view: View) -> Feedback | None:
    """Parse a sentence of level "full"; None if the text is not one."""
    if text == "Your answer is right.":
        return Feedback(True, frozenset(), frozenset())
    if not text.startswith("Your answer is not right: "):
        return None
    wrong = re.search(r"[:;] ([\d\[\], ]+) did not trigger it", text)
    missing = re.search(r"[:;] ([\d\[\], ]+) is missing", text)
    return Feedback(_UNREADABLE not in text, _indices(wrong, view), _indices(missing, view))


def render_feedback_prompt(
    view: View, ask: Ask, own: str, feedback: Feedback, level: FeedbackLevel
) -> tuple[Message, ...]:
    """The question, the model's own reply without its thoughts, the feedback on it and the request to answer again."""
    again = _AGAIN_SHORT if view.layout.name == "shared" else _AGAIN[ask]
    said = f"{render_feedback(feedback, level, view)} {again}"
    return (*render_question(view, ask), Message("assistant", cut_thoughts(own) or own), Message("user", said))


def _mentions(indices: frozenset[int], view: View) -> str:
    return ", ".join(view.mention(i) for i in sorted(indices, key=view.label))


def _indices(match: re.Match[str] | None, view: View) -> frozenset[int]:
    return frozenset(view.index(int(number)) for number in re.findall(r"\d+", match[1])) if match else frozenset()
