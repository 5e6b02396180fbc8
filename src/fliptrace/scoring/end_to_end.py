"""Counts for the unified task. Predicted flips are matched with labelled ones on speaker, source and target.

All triggers of an unmatched labelled flip are misses; all triggers of an unmatched predicted flip are false alarms. A
predicted flip whose source or target is unlabelled is ignored, because it is unknown whether it is a flip. A matched
flip without trigger labels counts as a found flip, but its triggers are not scored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from fliptrace.core.errors import InputError
from fliptrace.core.flips import Flip
from fliptrace.core.voting import Vote
from fliptrace.models.rules import Rule
from fliptrace.predictions.rows import EmotionPrediction
from fliptrace.predictions.unified_rows import GoldFlip, PredictedFlip, UnifiedPrediction
from fliptrace.scoring.counts import CaseCounts, Counts

_Place = tuple[str, int, int]  # speaker, source, target


class FlipMatch(NamedTuple):
    """A labelled flip and the predicted flip that matches it. One of the two is None if it has no counterpart."""

    id: str
    group: str
    gold: GoldFlip | None
    found: PredictedFlip | None

    @property
    def is_known(self) -> bool:
        """Whether its triggers can be scored: false for a labelled flip without trigger labels."""
        return self.gold is None or self.gold.triggers is not None

    def count_flip(self) -> CaseCounts:
        counts = Counts(self.gold is not None and self.found is not None, self.gold is None, self.found is None)
        return CaseCounts(self.id, self.group, Counts(*map(int, counts)), 1)

    def count_triggers(self) -> CaseCounts:
        """Count triggers over the utterances up to the target; for a labelled flip, from `known_from` on."""
        assert self.is_known
        named = self.found.vote.triggers if self.found else frozenset()
        expected = self.gold.triggers or frozenset() if self.gold else frozenset()
        either = self.gold or self.found
        assert either is not None
        known = frozenset(range(self.gold.known_from if self.gold else 0, either.flip.target + 1))
        named, expected = named & known, expected & known
        counts = Counts(len(named & expected), len(named - expected), len(expected - named))
        return CaseCounts(self.id, self.group, counts, len(known))


@dataclass(frozen=True, slots=True)
class EndToEndCounts:
    """Counts over all flips of all dialogues.

    `flips` counts flips, `triggers` counts utterances, and `matched` counts utterances of matched flips only.
    `triggers` and `matched` are empty if no triggers are labelled. `num_unlabelled` is the number of matched flips
    without trigger labels, `num_undecided` that of predicted flips whose source or target is unlabelled.
    """

    flips: tuple[CaseCounts, ...]
    triggers: tuple[CaseCounts, ...]
    matched: tuple[CaseCounts, ...]
    num_unlabelled: int
    num_undecided: int


def count_end_to_end(predictions: Sequence[UnifiedPrediction], place: object = "predictions") -> EndToEndCounts:
    """Count flips and triggers. InputError at `place` if no emotion is labelled."""
    if not any(emotion is not None for p in predictions for emotion in p.gold[p.counted_from :]):
        raise InputError(place, "no labels; expected labelled emotions to score")
    matches = [match for prediction in predictions for match in match_flips(prediction)]
    is_labelled = any(m.gold is not None and m.gold.triggers is not None for m in matches)
    known = [match for match in matches if is_labelled and match.is_known]
    return EndToEndCounts(
        flips=tuple(match.count_flip() for match in matches),
        triggers=tuple(match.count_triggers() for match in known),
        matched=tuple(match.count_triggers() for match in known if match.gold and match.found),
        num_unlabelled=sum(match.found is not None and not match.is_known for match in matches),
        num_undecided=sum(
            each.flip.target >= p.counted_from and not _is_decided(p, each.flip)
            for p in predictions
            for each in p.flips
        ),
    )


def match_flips(prediction: UnifiedPrediction) -> Iterator[FlipMatch]:
    """Every labelled or predicted flip that counts, once, in order of the targets."""
    gold = {_place(each.flip): each for each in prediction.gold_flips if each.flip.target >= prediction.counted_from}
    found = {
        _place(each.flip): each
        for each in prediction.flips
        if each.flip.target >= prediction.counted_from and _is_decided(prediction, each.flip)
    }
    for place in sorted(gold.keys() | found.keys(), key=lambda place: place[2]):
        yield FlipMatch(f"{prediction.id}/{place[2]}", prediction.group, gold.get(place), found.get(place))


def label_predictions(predictions: Sequence[UnifiedPrediction]) -> list[EmotionPrediction]:
    """The predicted emotions as rows of the task `emotion`. Gold before `counted_from` is removed."""
    return [
        EmotionPrediction(
            p.id,
            p.group,
            p.corpus,
            p.split,
            p.speakers,
            (None,) * p.counted_from + p.gold[p.counted_from :],
            p.emotions,
            p.num_unparsed,
        )
        for p in predictions
    ]


def name_by_rule(prediction: UnifiedPrediction, rule: Rule) -> UnifiedPrediction:
    """The same predicted flips with triggers named by the rule, given the predicted emotions."""
    flips = []
    for found in prediction.flips:
        triggers = rule.function(prediction.speakers, prediction.emotions, found.flip, prediction.neutral)
        support = tuple(float(i in triggers) for i in range(len(prediction.speakers)))
        flips.append(PredictedFlip(found.flip, Vote(triggers, support, num_valid=1, num_samples=1), ()))
    return replace(prediction, flips=tuple(flips))


def _place(flip: Flip) -> _Place:
    return flip.speaker, flip.source, flip.target


def _is_decided(prediction: UnifiedPrediction, flip: Flip) -> bool:
    return None not in (prediction.gold[flip.source], prediction.gold[flip.target])
