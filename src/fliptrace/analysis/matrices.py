"""Counts over the flips of one dialogue: which emotion turns into which, and whose words trigger whose flips."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fliptrace.analysis.values import AnalysisValues


class Change(NamedTuple):
    """A kind of flip: from one emotion to another."""

    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Matrix:
    """A square table of counts: `counts[r][c]` is in the row of `names[r]` and the column of `names[c]`."""

    names: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]

    @property
    def highest(self) -> int:
        return max((count for row in self.counts for count in row), default=0)


def count_changes(analysis: AnalysisValues) -> dict[Change, int]:
    """Count the flips of each kind, most frequent first; ties are in the order of the emotion set."""
    labels = analysis.dialogue.emotion_set.labels
    found = Counter(Change(f.flip.before, f.flip.after) for f in analysis.flips)

    def rank(change: Change) -> tuple[int, int, int]:
        return -found[change], labels.index(change.before), labels.index(change.after)

    return {change: found[change] for change in sorted(found, key=rank)}


def change_matrix(analysis: AnalysisValues) -> Matrix:
    """Count flips from the emotion of a row to that of a column; emotions that occur in no flip are left out."""
    changes = count_changes(analysis)
    touched = {label for change in changes for label in change}
    labels = tuple(label for label in analysis.dialogue.emotion_set.labels if label in touched)
    return _matrix(labels, {(change.before, change.after): number for change, number in changes.items()})


def trigger_matrix(analysis: AnalysisValues) -> Matrix:
    """Count triggers by their speaker (row) and the speaker of the flip (column). Own triggers are on the diagonal."""
    speakers = analysis.dialogue.speakers
    pairs = Counter((speakers[trigger], f.flip.speaker) for f in analysis.flips for trigger in f.triggers)
    return _matrix(first_seen(speakers), pairs)


def untriggered(analysis: AnalysisValues) -> dict[str, int]:
    """Count the flips without a trigger of each speaker."""
    counts = Counter(f.flip.speaker for f in analysis.flips if not f.triggers)
    return {speaker: counts[speaker] for speaker in first_seen(analysis.dialogue.speakers)}


def first_seen(names: Sequence[str]) -> tuple[str, ...]:
    """Return each name once, in the order of first occurrence.

    >>> first_seen(("Ana", "Ben", "Ana"))
    ('Ana', 'Ben')
    """
    return tuple(dict.fromkeys(names))


def _matrix(names: tuple[str, ...], pairs: Mapping[tuple[str, str], int]) -> Matrix:
    return Matrix(names, tuple(tuple(pairs.get((row, column), 0) for column in names) for row in names))
