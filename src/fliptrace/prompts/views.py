"""What a prompt shows of a case: which utterances, under which labels, in which words.

Two layouts. `dialogue`, for LLMs: every utterance up to the target under its number, from 1; cases of one dialogue
share that beginning. `window`, for tiny models: the last few utterances under their distance from the target.
A transcript is data: `escape` leaves nothing in it that a prompt gives a meaning to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.errors import InputError
from fliptrace.core.flips import FlipCase

LayoutName = Literal["dialogue", "window"]


@dataclass(frozen=True, slots=True)
class Layout:
    """How cases are shown. `window`, `emotion_window` and `max_words` bound the window layout alone.

    `emotion_window` is how many utterances a question for one emotion shows, None as many as `window`.

    A rationale weighs the last `reach` utterances, the target among them: 5 hold 99.2% of the triggers on MELD val,
    97.5% on MaSaC val (docs/data.md).
    """

    name: LayoutName = "dialogue"
    window: int = 8
    max_words: int = 20
    reach: int = 5
    emotion_window: int | None = None

    def __post_init__(self) -> None:
        for field, least in (("window", 2), ("max_words", 1), ("reach", 1)):
            if getattr(self, field) < least:
                raise ValueError(f"layout {field} {getattr(self, field)}: expected at least {least}")
        if self.emotion_window is not None and self.emotion_window < 1:
            raise ValueError(f"layout emotion_window {self.emotion_window}: expected at least 1")


@dataclass(frozen=True)
class View:
    """A case as one prompt shows it: the utterances from `first` to the target.

    The window layout shows the last few of them, the dialogue layout the source besides, wherever it lies.
    """

    case: FlipCase
    layout: Layout
    first: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.first <= self.target:
            raise ValueError(f"case {self.case.id!r}: a view from utterance {self.first}, after the target")

    @property
    def target(self) -> int:
        return self.case.flip.target

    @cached_property
    def shown(self) -> tuple[int, ...]:
        """The indices of the utterances whose text is shown, ascending."""
        if self.layout.name == "window":
            return tuple(range(max(self.first, self.target - self.layout.window + 1), self.target + 1))
        source = (self.case.flip.source,) if self.case.flip.source < self.first else ()
        return (*source, *range(self.first, self.target + 1))

    @property
    def candidates(self) -> tuple[int, ...]:
        """The indices a rationale weighs, in ascending order of their labels."""
        within_reach = [i for i in self.shown if self.target - i < self.layout.reach]
        return tuple(sorted(within_reach, key=self.label))

    def label(self, index: int) -> int:
        """The number an utterance goes by: its distance from the target, or its place from 1."""
        return self.target - index if self.layout.name == "window" else index + 1

    def index(self, label: int) -> int:
        """The inverse of `label`; may lie outside the dialogue."""
        return self.target - label if self.layout.name == "window" else label - 1

    def mention(self, index: int) -> str:
        """An utterance as a sentence names it."""
        return str(self.label(index)) if self.layout.name == "window" else f"[{self.label(index)}]"

    def visible(self, triggers: frozenset[int]) -> frozenset[int]:
        """Those of the triggers that the prompt shows: a model is not asked for what it cannot see."""
        return triggers & frozenset(self.shown)

    @cached_property
    def window_names(self) -> Mapping[str, str]:
        """What the window layout calls the speakers: `self`, the target's, and A, B ... by nearness to the target."""
        return name_by_nearness(self.case.dialogue, self.shown)

    def render(self) -> str:
        """The dialogue's part of the prompt, without the question."""
        return self._rendered

    @cached_property
    def _rendered(self) -> str:
        lines = _window_lines(self) if self.layout.name == "window" else _dialogue_lines(self)
        return f"{lines}\n{self.render_flip()}"

    def render_flip(self) -> str:
        """Which flip is asked about: what a prompt says behind the utterances."""
        return _window_flip(self) if self.layout.name == "window" else _dialogue_flip(self)


def training_view(case: FlipCase, layout: Layout) -> View:
    """A case as training shows it: nothing before `known_from`, where the labels are unknown."""
    return View(case, layout, first=case.known_from)


@dataclass(frozen=True, slots=True)
class TruncatedView:
    """A view that fits, and how many of the oldest utterances it took to make it fit."""

    view: View
    num_dropped: int


def truncate_to_context(view: View, fits: Callable[[View], bool]) -> TruncatedView:
    """Drop the oldest utterances until a prompt with this view fits; never the target, the question, or the source
    where the layout shows it wherever it lies.
    """

    def begin_at(first: int) -> View:
        return view if first == view.first else replace(view, first=first)  # the view itself is rendered once

    first = first_that_fits(view.first, view.target, lambda first: fits(begin_at(first)))
    if first is None:
        raise InputError(f"case {view.case.id}", "flip and question alone overrun the model's context")
    truncated = begin_at(first)
    return TruncatedView(truncated, len(view.shown) - len(truncated.shown))


def first_that_fits(first: int, target: int, fits: Callable[[int], bool]) -> int | None:
    """The smallest of first..target with which a prompt fits, None where it never does; later ones make it shorter."""
    if fits(first):
        return first
    low, high = first + 1, target
    if low > high or not fits(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle + 1, high)
    return low


_MEANINGFUL = str.maketrans({"<": "‹", ">": "›", "[": "(", "]": ")", "{": "(", "}": ")", "|": "¦"})
_BLANKS = re.compile(r"\s+")
_NO_NAME = re.compile(r"[:()\s]+")  # what ends a speaker's name in a prompt


def escape(text: str) -> str:
    """Text on one line, without the signs that mark numbers, cues and control tokens.

    >>> escape("fine\\n[7] Ann (joy): <|end|>")
    'fine (7) Ann (joy): ‹¦end¦›'
    """
    printable = text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
    return _BLANKS.sub(" ", printable.translate(_MEANINGFUL)).strip()


def speaker_name(name: str) -> str:
    """A speaker's name as the dialogue layout writes it: on one line, with nothing that ends a name."""
    return _NO_NAME.sub(" ", escape(name)).strip() or "?"


def name_by_nearness(dialogue: Dialogue, shown: Sequence[int]) -> Mapping[str, str]:
    """`self` for the speaker of the last utterance shown, A, B ... for the others by nearness to it."""
    names = {dialogue.utterances[shown[-1]].speaker: "self"}
    for i in reversed(shown):
        names.setdefault(dialogue.utterances[i].speaker, _letter(len(names) - 1))
    return names


def render_numbered(utterance: Utterance, number: int, emotion: str | None) -> str:
    """An utterance on a line of the dialogue layout, under its number from 1."""
    felt = f" ({emotion})" if emotion else ""
    return f"[{number}] {speaker_name(utterance.speaker)}{felt}: {escape(utterance.text)}{_cues(utterance)}"


def render_distant(utterance: Utterance, distance: int, name: str, max_words: int, emotion: str | None) -> str:
    """An utterance on a line of the window layout, its first words under its distance from the target."""
    felt = f" {emotion}" if emotion else ""
    return f"{distance} {name}{felt}: {' '.join(escape(utterance.text).split()[:max_words])}{_cues(utterance)}"


def _cues(utterance: Utterance) -> str:
    return f" {{{', '.join(escape(cue) for cue in utterance.cues)}}}" if utterance.cues else ""


def _dialogue_lines(view: View) -> str:
    lines = ["Dialogue"]
    previous = -1
    for i in view.shown:
        if i != previous + 1:
            lines.append("...")  # shorter than any utterance, so that leaving one out never makes a prompt longer
        previous = i
        utterance = view.case.dialogue.utterances[i]
        lines.append(render_numbered(utterance, view.label(i), utterance.emotion))
    return "\n".join([*lines, ""])


def _dialogue_flip(view: View) -> str:
    dialogue, flip = view.case.dialogue, view.case.flip
    source, target = view.mention(flip.source), view.mention(flip.target)
    lines = [f"{speaker_name(flip.speaker)} flips from {flip.before} in {source} to {flip.after} in {target}."]
    lines += ["Candidates by distance from the target:"]
    for i in reversed(view.candidates):
        utterance = dialogue.utterances[i]
        words = [str(flip.target - i), view.mention(i), speaker_name(utterance.speaker), utterance.emotion or ""]
        lines.append(" ".join(word for word in words if word))
    return "\n".join(lines)


def _window_lines(view: View) -> str:
    lines = []
    for i in view.shown:
        utterance = view.case.dialogue.utterances[i]
        name = view.window_names[utterance.speaker]
        lines.append(render_distant(utterance, view.label(i), name, view.layout.max_words, utterance.emotion))
    return "\n".join(lines)


def _window_flip(view: View) -> str:
    flip = view.case.flip
    return f"flip {flip.before} to {flip.after}, source {view.label(flip.source)}"


def _letter(position: int) -> str:
    """A to Z, then A1, B1 ..."""
    return chr(ord("A") + position % 26) + (str(position // 26) if position >= 26 else "")
