"""The content of the card of a flip on the page: its triggers by support, other candidates, and consequences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from fliptrace.analysis.values import AnalysisValues, FoundFlip
from fliptrace.core.flips import Flip

OTHERS_FROM = 0.1  # candidates with less support are noise to a reader
MAX_OTHERS = 3


class Supported(NamedTuple):
    """An utterance and its support as a trigger, 0 to 1."""

    utterance_index: int
    support: float


@dataclass(frozen=True, slots=True)
class FlipCard:
    """A flip on the page. `triggers` and `others` (candidates not named as triggers) have the strongest first."""

    found: FoundFlip
    triggers: tuple[Supported, ...]
    others: tuple[Supported, ...]
    consequences: tuple[Flip, ...]

    @property
    def flip(self) -> Flip:
        return self.found.flip

    @property
    def strongest(self) -> float:
        """The support of the strongest trigger; 0 if there is none."""
        return self.triggers[0].support if self.triggers else 0.0


def flip_cards(analysis: AnalysisValues) -> tuple[FlipCard, ...]:
    """Make a card for every flip, in the order of their targets."""
    later = analysis.consequences
    in_order = sorted(analysis.flips, key=lambda found: found.flip.target)
    return tuple(_card(found, later[found.flip]) for found in in_order)


def _card(found: FoundFlip, consequences: tuple[Flip, ...]) -> FlipCard:
    by_support = sorted(
        (Supported(i, support) for i, support in enumerate(found.support)),
        key=lambda pair: (-pair.support, pair.utterance_index),
    )
    triggers = tuple(pair for pair in by_support if pair.utterance_index in found.triggers)
    rest = [pair for pair in by_support if pair.utterance_index not in found.triggers and pair.support >= OTHERS_FROM]
    return FlipCard(found, triggers, tuple(rest[:MAX_OTHERS]), consequences)
