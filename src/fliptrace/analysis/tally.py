"""What is counted of one analyzed dialogue: emotions, flips and triggers. Tallies of many dialogues add up.

Corrections of people count, where there are any (corrections.py). A quarter is one of the utterances by their position.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from fliptrace.analysis.corrections import CorrectedFlip, Correction, apply_corrections
from fliptrace.analysis.matrices import first_seen
from fliptrace.analysis.schema import AnalysisDocument
from fliptrace.core.dialogue import Utterance
from fliptrace.core.flips import Flip

NUM_QUARTERS = 4


class Said(NamedTuple):
    """A kind of utterance: who, in which quarter (from 0), with which emotion."""

    speaker: str
    quarter: int
    emotion: str


class Flipped(NamedTuple):
    """A kind of flip. `quarter` is that of its target, from 0."""

    speaker: str
    quarter: int
    before: str
    after: str


class Triggered(NamedTuple):
    """A kind of trigger: the speaker who says it, and the speaker whose emotion flips."""

    trigger_speaker: str
    flip_speaker: str


@dataclass(frozen=True, slots=True)
class Tally:
    """The counts of one dialogue or of many. `labels` are all that an utterance could have.

    `untriggered` are flips without a trigger, `unknown` those whose triggers nobody named, by the speaker who flips.
    """

    labels: tuple[str, ...] = ()
    utterances: Counter[Said] = field(default_factory=Counter)
    flips: Counter[Flipped] = field(default_factory=Counter)
    triggers: Counter[Triggered] = field(default_factory=Counter)
    untriggered: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)


def tally_document(document: AnalysisDocument, corrections: Sequence[Correction] = ()) -> Tally:
    """Count a document with its corrections applied."""
    labels = document.emotion_set.labels
    if corrections:
        corrected = apply_corrections(document.analysis(), corrections)
        return _tally(labels, corrected.dialogue.utterances, corrected.flips)
    flips = (  # as `analysis()` has them, but without checking again what is stored
        CorrectedFlip(
            Flip(part.speaker, part.source, part.target, part.before, part.after),
            frozenset(trigger.index for trigger in part.triggers),
        )
        for part in document.flips
    )
    return _tally(labels, [Utterance(part.speaker, "", part.emotion) for part in document.utterances], flips)


def add_up(tallies: Iterable[Tally]) -> Tally:
    """Add tallies up. Speakers with equal names are counted as one."""
    labels: list[str] = []
    total = Tally()
    for each in tallies:
        labels += each.labels
        total.utterances.update(each.utterances)
        total.flips.update(each.flips)
        total.triggers.update(each.triggers)
        total.untriggered.update(each.untriggered)
        total.unknown.update(each.unknown)
    return Tally(first_seen(labels), total.utterances, total.flips, total.triggers, total.untriggered, total.unknown)


def _tally(labels: tuple[str, ...], utterances: Sequence[Utterance], flips: Iterable[CorrectedFlip]) -> Tally:
    counts = Tally(labels)
    for index, utterance in enumerate(utterances):
        assert utterance.emotion is not None
        counts.utterances[Said(utterance.speaker, _quarter(index, len(utterances)), utterance.emotion)] += 1
    for flip, triggers in ((each.flip, each.triggers) for each in flips):
        counts.flips[Flipped(flip.speaker, _quarter(flip.target, len(utterances)), flip.before, flip.after)] += 1
        counts.triggers.update(Triggered(utterances[i].speaker, flip.speaker) for i in triggers or ())
        counts.unknown[flip.speaker] += triggers is None
        counts.untriggered[flip.speaker] += triggers == frozenset()
    return counts


def _quarter(index: int, num_utterances: int) -> int:
    """The quarter of a dialogue in which an utterance lies, from 0.

    >>> [_quarter(index, 8) for index in range(8)], [_quarter(index, 2) for index in range(2)]
    ([0, 0, 1, 1, 2, 2, 3, 3], [0, 2])
    """
    return index * NUM_QUARTERS // num_utterances
