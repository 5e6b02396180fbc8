"""Simple questions on the emotional flow: the source of a flip, and the flips of a speaker.

They need no trigger labels, and teach a model to follow one speaker through the dialogue.
"""

from __future__ import annotations

import re

from fliptrace.core.flips import Flip, find_flips
from fliptrace.core.messages import Message
from fliptrace.prompts.answers import SYSTEM
from fliptrace.prompts.views import View

_FIND_SOURCE = "At which number did the speaker of the target speak last before it? Answer `Source:` and the number."
_LIST_FLIPS = (
    "List the flips of the target's speaker among the utterances shown, as `Flips:` and pairs such as 2>5, "
    "or `Flips: none`."
)
_PAIR = re.compile(r"(\d{1,6})>(\d{1,6})")


def render_source_question(view: View) -> tuple[Message, ...]:
    return _ask(view, _FIND_SOURCE, "source?")


def render_source(view: View) -> str:
    return f"Source: {view.label(view.case.flip.source)}"


def parse_source(text: str, view: View) -> int | None:
    """The index of the source that a reply names, or None if it names none."""
    match = re.search(r"^Source: (\d{1,6})\s*$", text, re.MULTILINE)
    return view.index(int(match[1])) if match else None


def render_flips_question(view: View) -> tuple[Message, ...]:
    return _ask(view, _LIST_FLIPS, "flips?")


def shown_flips(view: View) -> tuple[Flip, ...]:
    """The flips of the target's speaker whose source and target are both shown in the prompt."""
    shown, flip = set(view.shown), view.case.flip
    return tuple(
        f for f in find_flips(view.case.dialogue) if f.speaker == flip.speaker and {f.source, f.target} <= shown
    )


def render_flips(view: View) -> str:
    pairs = [f"{view.label(f.source)}>{view.label(f.target)}" for f in shown_flips(view)]
    return f"Flips: {' '.join(pairs) or 'none'}"


def parse_flips(text: str, view: View) -> frozenset[tuple[int, int]] | None:
    """The (source, target) pairs of the flips that a reply lists, or None if it cannot be read."""
    match = re.search(rf"^Flips: (none|{_PAIR.pattern}(?: {_PAIR.pattern})*)\s*$", text, re.MULTILINE)
    if not match:
        return None
    return frozenset((view.index(int(a)), view.index(int(b))) for a, b in _PAIR.findall(match[1]))


def _ask(view: View, question: str, window_question: str) -> tuple[Message, ...]:
    if view.layout.name == "window":
        return (Message("user", f"{view.render()}\n{window_question}"),)
    return (Message("system", SYSTEM), Message("user", f"{view.render()}\n\n{question}"))
