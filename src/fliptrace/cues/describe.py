"""From values to words: how an utterance compares with what is usual for its speaker.

A value is ranked among all of its speaker's, or, where the speaker has too few, among those of everybody. The words say
only that: louder than usual is not angry.
"""

from __future__ import annotations

import bisect
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from fliptrace.cues.values import (
    FACE,
    LOUDNESS,
    LOUDNESS_VARIATION,
    OVERLAP,
    PAUSE,
    PITCH,
    PITCH_RANGE,
    SOUND_VALUES,
    SPEAKING_RATE,
)

Level = Literal["low", "rather low", "middle", "rather high", "high"]
Values = Mapping[str, float]

_BOUNDS: Sequence[tuple[float, Level]] = ((0.1, "low"), (0.3, "rather low"), (0.7, "middle"), (0.9, "rather high"))
_MIN_VALUES = 8  # of a speaker, to know what is usual; of everybody, to say anything
_LONG_PAUSE_SECONDS = 2.0
_LONG_OVERLAP_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class _Comparison:
    """How a value is put into words. A difference from the median below `least` is not heard, so it has no words.

    `least` is a share of the median if `is_share`.
    """

    low: str
    high: str
    least: float
    is_share: bool = False

    def is_heard(self, value: float, median: float) -> bool:
        return abs(value - median) >= (self.least * abs(median) if self.is_share else self.least)


_COMPARISONS: Mapping[str, _Comparison] = {
    LOUDNESS: _Comparison("quieter", "louder", least=2.0),
    LOUDNESS_VARIATION: _Comparison("more even loudness", "more varied loudness", least=2.0),
    PITCH: _Comparison("lower pitch", "higher pitch", least=0.06, is_share=True),  # a semitone
    PITCH_RANGE: _Comparison("flatter pitch", "more varied pitch", least=2.0),
    SPEAKING_RATE: _Comparison("slower", "faster", least=0.1, is_share=True),
}


def describe(speakers: Sequence[str], values: Sequence[Values]) -> list[tuple[str, ...]]:
    """The words for the values of every utterance, most telling kinds first.

    >>> calm = {"loudness_db": -30.0}
    >>> describe("A" * 10, [calm] * 9 + [{"loudness_db": -20.0, "pause_before_seconds": 3.4}])[-2:]
    [(), ('louder than usual', 'after a pause of 3.4 s')]
    """
    usual = _usual(speakers, values)
    return [tuple(_words(speaker, own, usual)) for speaker, own in zip(speakers, values, strict=True)]


def level_of(value: float, known: Sequence[float]) -> Level:
    """The rank of a value among sorted ones, itself among them; equal ones share the middle of their ranks.

    >>> [level_of(value, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) for value in (1, 3, 5, 9, 10)]
    ['low', 'rather low', 'middle', 'rather high', 'high']
    """
    rank = (bisect.bisect_left(known, value) + bisect.bisect_right(known, value)) / 2 / len(known)
    return next((level for bound, level in _BOUNDS if rank < bound), "high")


def _usual(speakers: Sequence[str], values: Sequence[Values]) -> dict[tuple[str | None, str], list[float]]:
    """The sorted values of every speaker by name, and under the speaker None those of everybody."""
    known: dict[tuple[str | None, str], list[float]] = {}
    for speaker, own in zip(speakers, values, strict=True):
        for name, value in own.items():
            known.setdefault((speaker, name), []).append(value)
            known.setdefault((None, name), []).append(value)
    return {key: sorted(found) for key, found in known.items()}


def _words(speaker: str, own: Values, usual: Mapping[tuple[str | None, str], list[float]]) -> Iterator[str]:
    said: str | None = None  # to whom the words before compare; said once, not with every word
    of_tables = (name for name in own if name not in SOUND_VALUES and not name.startswith(FACE))
    for name in (*_COMPARISONS, *sorted(of_tables)):
        if name not in own:
            continue
        among_own = len(usual[speaker, name]) >= _MIN_VALUES
        known = usual[speaker if among_own else None, name]
        if len(known) < _MIN_VALUES or (word := _compared(name, own[name], known)) is None:
            continue
        than = "than usual" if among_own else "than most here"
        yield word if than == said or name not in _COMPARISONS else f"{word} {than}"
        said = than if name in _COMPARISONS else said
    if own.get(PAUSE, 0.0) >= _LONG_PAUSE_SECONDS:
        yield f"after a pause of {own[PAUSE]:.1f} s"
    if own.get(OVERLAP, 0.0) >= _LONG_OVERLAP_SECONDS:
        yield f"others speak too, for {own[OVERLAP]:.1f} s"


def _compared(name: str, value: float, known: Sequence[float]) -> str | None:
    """The words for one value; None if it is in the middle. A value of a table is named as its column."""
    level = level_of(value, known)
    if level == "middle":
        return None
    comparison = _COMPARISONS.get(name)
    if comparison is None:
        return f"{name}: {level}"
    if not comparison.is_heard(value, statistics.median(known)):
        return None
    word = comparison.high if level.endswith("high") else comparison.low
    return f"a little {word}" if level.startswith("rather") else word
