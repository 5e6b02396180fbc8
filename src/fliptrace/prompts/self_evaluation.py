"""Stage 3: the model judges its own answer without help, then keeps or corrects it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fliptrace.core.messages import Answer, Message
from fliptrace.prompts.answers import Ask, parse_answer, render_answer, render_question
from fliptrace.prompts.thoughts import cut_thoughts
from fliptrace.prompts.views import View

_REQUEST = "Judge your answer: say `Verdict: right` or `Verdict: wrong`, then give the answer line, kept or corrected."
_SHORT_REQUEST = "judge it"  # where the replies teach the form
_VERDICT = re.compile(r"^[\s*`>#-]*verdict[\s*`]*:[\s*`]*(right|wrong)\W*$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A model's verdict on its earlier answer (None if it gave none), and its final answer."""

    is_right: bool | None
    answer: Answer


def render_judgement_prompt(view: View, ask: Ask, own: str) -> tuple[Message, ...]:
    """The question, the model's own reply without its thoughts, and the request to judge it."""
    request = _REQUEST if view.layout.name == "dialogue" else _SHORT_REQUEST
    return (*render_question(view, ask), Message("assistant", cut_thoughts(own) or own), Message("user", request))


def render_judgement(is_right: bool, triggers: frozenset[int], view: View) -> str:
    return f"Verdict: {'right' if is_right else 'wrong'}\n{render_answer(triggers, view)}"


def parse_judgement(text: str, view: View, *, is_cut: bool = False) -> Judgement:
    """Parse the first verdict line of a reply and its answer, after any thoughts."""
    match = _VERDICT.search(cut_thoughts(text))
    return Judgement(match[1].lower() == "right" if match else None, parse_answer(text, view, is_cut=is_cut))
