"""The content of the card of a flip on the page: how sure it is, its triggers, other candidates, and consequences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fliptrace.analysis.reasons import tell_likeliest, tell_measured
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
    """A flip on the page. `triggers` and `others` (candidates not named as triggers) have the strongest first.

    `likeliest` tells the labels of source and target if these are not those of the flip.
    `evidence` are sentences.
    """

    found: FoundFlip
    triggers: tuple[Supported, ...]
    others: tuple[Supported, ...]
    consequences: tuple[Flip, ...]
    likeliest: str = ""
    evidence: tuple[str, ...] = ()

    @property
    def flip(self) -> Flip:
        return self.found.flip

    @property
    def probability(self) -> float | None:
        """The probability of the flip where there is anything to doubt: None if it is certain or unknown."""
        return None if self.found.probability == 1 else self.found.probability

    @property
    def strongest(self) -> float:
        """The support of the strongest trigger; 0 if there is none."""
        return self.triggers[0].support if self.triggers else 0.0


def flip_cards(analysis: AnalysisValues) -> tuple[FlipCard, ...]:
    """Make a card for every flip, in the order of their targets."""
    later = analysis.consequences
    in_order = sorted(analysis.flips, key=lambda found: found.flip.target)
    return tuple(_card(found, later[found.flip], analysis) for found in in_order)


def surest_first(cards: Sequence[FlipCard]) -> list[FlipCard]:
    """Sort cards by probability, the highest first. Those without one come last; equals keep their order."""
    return sorted(cards, key=lambda card: -(card.found.probability or 0.0))


def _card(found: FoundFlip, consequences: tuple[Flip, ...], analysis: AnalysisValues) -> FlipCard:
    by_support = sorted(
        (Supported(i, share) for i, share in found.candidates.items()),
        key=lambda pair: (-pair.support, pair.utterance_index),
    )
    triggers = tuple(pair for pair in by_support if pair.utterance_index in found.triggers)
    rest = [pair for pair in by_support if pair.utterance_index not in found.triggers and pair.support >= OTHERS_FROM]
    evidence = tell_measured(analysis, found, lambda index: str(index + 1))
    likeliest = tell_likeliest(found.flip, analysis.dialogue.emotions)
    return FlipCard(found, triggers, tuple(rest[:MAX_OTHERS]), consequences, likeliest, evidence)
