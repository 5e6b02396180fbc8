"""What a page tells of one flip, put together: its triggers by support, what else was weighed, what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from fliptrace.analysis.values import AnalysisValues, FoundFlip
from fliptrace.core.flips import Flip

WEIGHED_FROM = 0.1  # support below this is noise to a reader
MAX_WEIGHED = 3


class Supported(NamedTuple):
    """An utterance and how far it is held for a trigger, 0 to 1."""

    utterance_index: int
    support: float


@dataclass(frozen=True, slots=True)
class FlipCard:
    """A flip for the page. `triggers` and `weighed` (considered, but not named) come with the strongest first."""

    found: FoundFlip
    triggers: tuple[Supported, ...]
    weighed: tuple[Supported, ...]
    consequences: tuple[Flip, ...]

    @property
    def flip(self) -> Flip:
        return self.found.flip

    @property
    def strongest(self) -> float:
        """Support of the strongest trigger, 0 without any."""
        return self.triggers[0].support if self.triggers else 0.0


def flip_cards(analysis: AnalysisValues) -> tuple[FlipCard, ...]:
    """A card for every flip, in the order they land."""
    later = analysis.consequences
    in_order = sorted(analysis.flips, key=lambda found: found.flip.target)
    return tuple(_card(found, later[found.flip]) for found in in_order)


def _card(found: FoundFlip, consequences: tuple[Flip, ...]) -> FlipCard:
    by_support = sorted(
        (Supported(i, support) for i, support in enumerate(found.support)),
        key=lambda pair: (-pair.support, pair.utterance_index),
    )
    triggers = tuple(pair for pair in by_support if pair.utterance_index in found.triggers)
    rest = [pair for pair in by_support if pair.utterance_index not in found.triggers and pair.support >= WEIGHED_FROM]
    return FlipCard(found, triggers, tuple(rest[:MAX_WEIGHED]), consequences)
