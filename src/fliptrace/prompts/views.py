"""What a prompt shows of a case: which utterances, with which number, and in what form.

There are three layouts. `dialogue`, for LLMs, shows every utterance up to the target, numbered from 1; prompts for
cases of one dialogue share their beginning. In `shared` they share all but a few tokens (prompts/shared.py). `window`,
for tiny models, shows the last few utterances, each with its distance from the target.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.errors import InputError
from fliptrace.core.flips import FlipCase
from fliptrace.prompts import shared
from fliptrace.prompts.texts import escape, render_cues, speaker_name

LayoutName = Literal["dialogue", "shared", "window"]


@dataclass(frozen=True, slots=True)
class Layout:
    """How cases are shown. `window`, `emotion_window` and `max_words` apply to the window layout only.

    `window` is the number of utterances shown, `max_words` the number of words shown of each. `emotion_window` is the
    number of utterances in a question for one emotion; None means as many as `window`.

    In the shared layout a question is about one emotion, or about those of many utterances (`emotions_in_one_reply`).

    The candidates of a rationale are the last `reach` utterances, including the target. 5 contain 99.2% of the
    triggers on MELD val and 97.5% on MaSaC val (docs/data.md).
    """

    name: LayoutName = "dialogue"
    window: int = 8
    max_words: int = 20
    reach: int = 5
    emotion_window: int | None = None
    emotions_in_one_reply: bool = False

    def __post_init__(self) -> None:
        for field, least in (("window", 2), ("max_words", 1), ("reach", 1)):
            if getattr(self, field) < least:
                raise ValueError(f"layout {field} {getattr(self, field)}: expected at least {least}")
        if self.emotion_window is not None and self.emotion_window < 1:
            raise ValueError(f"layout emotion_window {self.emotion_window}: expected at least 1")


@dataclass(frozen=True)
class View:
    """A case as one prompt shows it: the utterances from `first` to the target.

    The window layout shows only the last few of them, and the shared layout those from `shared.first_shown` on. The
    dialogue layout always shows the source too, even if it lies before `first`.
    """

    case: FlipCase
    layout: Layout
    first: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.first <= self.target:
            raise ValueError(
                f"case {self.case.id!r}: view starts at utterance {self.first}; expected 0..{self.target}, the target"
            )

    @property
    def target(self) -> int:
        return self.case.flip.target

    @cached_property
    def shown(self) -> tuple[int, ...]:
        """The indices of the utterances whose text is shown, in ascending order."""
        if self.layout.name == "window":
            return tuple(range(max(self.first, self.target - self.layout.window + 1), self.target + 1))
        if self.layout.name == "shared":
            return tuple(range(max(self.first, shared.first_shown(self.target)), self.target + 1))
        source = (self.case.flip.source,) if self.case.flip.source < self.first else ()
        return (*source, *range(self.first, self.target + 1))

    @property
    def candidates(self) -> tuple[int, ...]:
        """The indices of the utterances that a rationale considers, in ascending order of their labels."""
        within_reach = [i for i in self.shown if self.target - i < self.layout.reach]
        return tuple(sorted(within_reach, key=self.label))

    def label(self, index: int) -> int:
        """The number of an utterance: its distance from the target (window layout) or its position from 1."""
        return self.target - index if self.layout.name == "window" else index + 1

    def index(self, label: int) -> int:
        """The inverse of `label`. The result may lie outside the dialogue."""
        return self.target - label if self.layout.name == "window" else label - 1

    def mention(self, index: int) -> str:
        """The label of an utterance as written within a sentence."""
        return f"[{self.label(index)}]" if self.layout.name == "dialogue" else str(self.label(index))

    def visible(self, triggers: frozenset[int]) -> frozenset[int]:
        """The triggers that the prompt shows. A model is not expected to name the others."""
        return triggers & frozenset(self.shown)

    @cached_property
    def window_names(self) -> Mapping[str, str]:
        """The window layout's names: `self` for the target's speaker, A, B ... for others by nearness to the target."""
        return name_by_nearness(self.case.dialogue, self.shown)

    def render(self) -> str:
        """The part of the prompt that shows the dialogue and the flip, without the question."""
        return self._rendered

    @cached_property
    def _rendered(self) -> str:
        match self.layout.name:
            case "window":
                lines = f"{_window_lines(self)}\n"
            case "dialogue":
                lines = f"{_dialogue_lines(self)}\n"
            case "shared":
                lines = shared.render_lines(self.case.dialogue, self.shown, self.case.dialogue.emotions)
        return f"{lines}{self.render_flip()}"

    def render_flip(self) -> str:
        """The part of the prompt after the utterances, which says which flip is asked about."""
        match self.layout.name:
            case "window":
                return _window_flip(self)
            case "dialogue":
                return _dialogue_flip(self)
            case "shared":
                return shared.render_flip(self.case.flip, self.shown)


def training_view(case: FlipCase, layout: Layout) -> View:
    """A case as used in training: it starts at `known_from`, because labels before it are unknown."""
    return View(case, layout, first=case.known_from)


@dataclass(frozen=True, slots=True)
class TruncatedView:
    """A view that fits the context, and how many of the oldest utterances were dropped for that.

    `lost_triggers` are the known triggers among the dropped utterances. Of `num_shortened` utterances the view shows
    the beginning only (inference/overlong.py).
    """

    view: View
    num_dropped: int
    lost_triggers: frozenset[int] = frozenset()
    num_shortened: int = 0


def truncate_to_context(view: View, fits: Callable[[View], bool]) -> TruncatedView:
    """Drop the oldest utterances until the prompt fits. InputError if it does not fit with the target alone.

    The target and the question are never dropped, and the dialogue layout keeps the source.
    """

    def begin_at(first: int) -> View:
        # Keep the same object if possible: a view caches its rendering.
        return view if first == view.first else replace(view, first=first)

    first = first_that_fits(view.first, view.target, lambda first: fits(begin_at(first)))
    if first is None:
        raise InputError(f"case {view.case.id}", "flip and question alone overrun the model's context")
    truncated = begin_at(first)
    dropped = frozenset(view.shown) - frozenset(truncated.shown)
    return TruncatedView(truncated, len(dropped), dropped & (view.case.triggers or frozenset()))


def first_that_fits(first: int, target: int, fits: Callable[[int], bool]) -> int | None:
    """The smallest start from `first` to `target` with which a prompt fits, or None.

    Found by bisection: a later start must never make the prompt longer.
    """
    if fits(first):
        return first
    low, high = first + 1, target
    if low > high or not fits(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle + 1, high)
    return low


def name_by_nearness(dialogue: Dialogue, shown: Sequence[int]) -> Mapping[str, str]:
    """Names by speaker: `self` for the last utterance shown, A, B ... for other speakers by nearness to it."""
    names = {dialogue.utterances[shown[-1]].speaker: "self"}
    for i in reversed(shown):
        names.setdefault(dialogue.utterances[i].speaker, _letter(len(names) - 1))
    return names


def render_numbered(utterance: Utterance, number: int, emotion: str | None) -> str:
    """One line of the dialogue layout: the utterance with its number from 1."""
    suffix = f" ({emotion})" if emotion else ""
    return f"[{number}] {speaker_name(utterance.speaker)}{suffix}: {escape(utterance.text)}{render_cues(utterance)}"


def render_distant(utterance: Utterance, distance: int, name: str, max_words: int, emotion: str | None) -> str:
    """One line of the window layout: the utterance's first words with its distance from the target."""
    suffix = f" {emotion}" if emotion else ""
    return f"{distance} {name}{suffix}: {' '.join(escape(utterance.text).split()[:max_words])}{render_cues(utterance)}"


def _dialogue_lines(view: View) -> str:
    lines = ["Dialogue"]
    previous = -1
    for i in view.shown:
        if i != previous + 1:
            lines.append("...")  # shorter than any utterance, so dropping one never makes a prompt longer
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
    """The letter for a position: A to Z, then A1, B1 ..."""
    return chr(ord("A") + position % 26) + (str(position // 26) if position >= 26 else "")
