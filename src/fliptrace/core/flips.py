"""Emotion flips, flip cases (a flip whose triggers are to be found), and consequences of flips.

The definitions follow Kumar et al., "Discovering emotion and reasoning its flip in multi-party conversations
using masked memory network and transformer" (2022).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fliptrace.core.dialogue import Dialogue


@dataclass(frozen=True, slots=True)
class Flip:
    """A change of one speaker's emotion from `before` at utterance `source` to `after` at `target`, their next one."""

    speaker: str
    source: int
    target: int
    before: str
    after: str

    def __post_init__(self) -> None:
        if not 0 <= self.source < self.target:
            raise ValueError(f"a flip from utterance {self.source} to {self.target}: the source must come first")
        if self.before == self.after:
            raise ValueError(f"a flip from {self.before} to {self.after} is not a change")


@dataclass(frozen=True, slots=True)
class FlipCase:
    """A flip whose triggers are to be found, with its dialogue.

    `triggers` is None if the case is unlabelled; the empty set means that the flip has no trigger. Labels of utterances
    before `known_from` are unknown and used neither in training nor in scoring. `known_from` is at most the source.
    """

    id: str
    dialogue: Dialogue
    flip: Flip
    triggers: frozenset[int] | None = None
    known_from: int = 0

    def __post_init__(self) -> None:
        if self.flip.target >= len(self.dialogue):
            raise ValueError(f"case {self.id!r}: the target {self.flip.target} is not in its dialogue")
        if find_flip(self.dialogue, self.flip.target) != self.flip:
            raise ValueError(f"case {self.id!r}: its dialogue does not contain the flip {self.flip}")
        if not 0 <= self.known_from <= self.flip.source:
            raise ValueError(f"case {self.id!r}: labels known from {self.known_from}, expected 0..{self.flip.source}")
        outside = sorted(t for t in self.triggers or () if not 0 <= t <= self.flip.target)
        if outside:
            raise ValueError(f"case {self.id!r}: triggers {outside} lie outside 0..{self.flip.target}, the target")

    @property
    def group(self) -> str:
        return self.dialogue.group

    @property
    def known_triggers(self) -> frozenset[int]:
        """The labelled triggers from `known_from` on; ValueError if the case is unlabelled."""
        if self.triggers is None:
            raise ValueError(f"case {self.id!r} has no labels")
        return frozenset(t for t in self.triggers if t >= self.known_from)


def find_flip(dialogue: Dialogue, target: int) -> Flip | None:
    """Return the flip that lands on `target`, or None.

    There is none if the speaker has no earlier utterance, if one of the two emotions is unknown, or if both are equal.
    """
    landing = dialogue.utterances[target]
    for source in range(target - 1, -1, -1):
        before = dialogue.utterances[source]
        if before.speaker == landing.speaker:
            if before.emotion is None or landing.emotion is None or before.emotion == landing.emotion:
                return None
            return Flip(landing.speaker, source, target, before.emotion, landing.emotion)
    return None


def find_flips(dialogue: Dialogue) -> tuple[Flip, ...]:
    """Return every flip of a dialogue, ordered by target.

    >>> from fliptrace.core.dialogue import Utterance
    >>> from fliptrace.core.emotion_sets import MELD7
    >>> lines = [("Ana", "neutral"), ("Ben", "anger"), ("Ana", "fear"), ("Ben", "anger")]
    >>> dialogue = Dialogue("d", "d", tuple(Utterance(s, "...", e) for s, e in lines), MELD7)
    >>> [(flip.speaker, flip.source, flip.target) for flip in find_flips(dialogue)]
    [('Ana', 0, 2)]
    """
    flips: list[Flip] = []
    for target, (utterance, source) in enumerate(zip(dialogue.utterances, find_sources(dialogue), strict=True)):
        before = None if source is None else dialogue.utterances[source].emotion
        if source is None or before is None or utterance.emotion is None or before == utterance.emotion:
            continue
        flips.append(Flip(utterance.speaker, source, target, before, utterance.emotion))
    return tuple(flips)


def find_sources(dialogue: Dialogue) -> tuple[int | None, ...]:
    """Return, for each utterance, the previous one of the same speaker: the source of a flip that lands on it."""
    last: dict[str, int] = {}
    sources = []
    for target, speaker in enumerate(dialogue.speakers):
        sources.append(last.get(speaker))
        last[speaker] = target
    return tuple(sources)


def consequences(triggers: Mapping[Flip, frozenset[int]]) -> dict[Flip, tuple[Flip, ...]]:
    """Map each flip to its consequences, ordered by target: later flips that have its target among their triggers."""
    by_target = {flip.target: flip for flip in sorted(triggers, key=lambda flip: flip.target)}
    found: dict[Flip, list[Flip]] = {flip: [] for flip in by_target.values()}
    for later in by_target.values():
        for trigger in triggers[later]:
            if trigger in by_target and trigger < later.target:
                found[by_target[trigger]].append(later)
    return {flip: tuple(later) for flip, later in found.items()}
