"""Rules that name triggers from speakers, emotions and the flip alone, without reading the text.

They are models in their own right, and the baselines that every score is reported with.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from fliptrace.core.emotion_sets import NEUTRAL
from fliptrace.core.errors import InputError
from fliptrace.core.flips import Flip, FlipCase
from fliptrace.models.base import Model


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as a model. `function` takes the speakers and emotions of a dialogue, the flip, and the neutral label."""

    name: str
    function: Callable[[Sequence[str], Sequence[str | None], Flip, str], frozenset[int]]

    def as_model(self) -> Model:
        return Model(self.name, rule=self)

    def name_triggers(self, case: FlipCase) -> frozenset[int]:
        dialogue = case.dialogue
        return self.function(dialogue.speakers, dialogue.emotions, case.flip, dialogue.emotion_set.neutral or NEUTRAL)


def previous(speakers: Sequence[str], emotions: Sequence[str | None], flip: Flip, neutral: str) -> frozenset[int]:
    """Name the utterance before the target."""
    return frozenset({flip.target - 1})


def previous_or_self(
    speakers: Sequence[str], emotions: Sequence[str | None], flip: Flip, neutral: str
) -> frozenset[int]:
    """Name the utterance before the target if another speaker said it, else the target."""
    return frozenset({flip.target if speakers[flip.target - 1] == flip.speaker else flip.target - 1})


def previous_plus_self(
    speakers: Sequence[str], emotions: Sequence[str | None], flip: Flip, neutral: str
) -> frozenset[int]:
    """Name the utterance before the target, and the target too if the same speaker said both and it is not neutral."""
    same_speaker = speakers[flip.target - 1] == flip.speaker
    with_self = same_speaker and emotions[flip.target] != neutral
    return frozenset({flip.target - 1, flip.target} if with_self else {flip.target - 1})


RULES: Mapping[str, Rule] = {
    name: Rule(f"rule:{name}", function)
    for name, function in {
        "previous": previous,
        "previous-or-self": previous_or_self,
        "previous-plus-self": previous_plus_self,
    }.items()
}


def find_rule(name: str) -> Rule:
    """Find a rule by its name without "rule:"; InputError suggests the most similar name.

    >>> find_rule("previous").name
    'rule:previous'
    >>> find_rule("previous-or-slef")
    Traceback (most recent call last):
    fliptrace.core.errors.InputError: rule:previous-or-slef: no such rule; did you mean rule:previous-or-self?
    """
    if name not in RULES:
        nearest = difflib.get_close_matches(name, RULES, n=1, cutoff=0)[0]
        raise InputError(f"rule:{name}", f"no such rule; did you mean rule:{nearest}?")
    return RULES[name]
