"""Decide whether times in whole numbers are milliseconds, if neither the format nor a field name gives the unit.

The size of a number does not tell. The speed of the speech does, and so does the length of the recording.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

# People say one to four words per second. Below the first number, hardly anything is said in a whole hour; the others
# leave room for pauses within the times, and for a recogniser that cuts them too short.
_IMPOSSIBLY_SLOW = 0.02  # words per second
_SLOWEST, _FASTEST = 0.25, 12.0
_LETTERS_PER_WORD = 6  # for texts without blanks between words: a word's worth of speech
_NEARLY_ALL = 0.9
_WHOLE = re.compile(r"\d{1,15}(?:\.0)?")

NOTE = "times have no unit: read as milliseconds, because as seconds {reason}"
TOO_SLOW = "the speech would be impossibly slow"
TOO_LONG = "they would exceed the length of the recording"


class Timed(NamedTuple):
    """The times of an utterance as they are in the file, and its text."""

    start: object
    end: object
    text: str


def are_milliseconds(said: Iterable[Timed]) -> bool:
    """Whether all times are whole numbers, and the speech has a possible speed only if they are milliseconds.

    >>> are_milliseconds([Timed(500, 2000, "You are late again."), Timed(2600, 3100, "I am not.")])
    True
    >>> are_milliseconds([Timed(5, 20, "You are late again."), Timed(26, 31, "I am not.")])
    False
    """
    lengths = _lengths(said)
    if lengths is None:
        return False
    timed = [(words, length) for words, length in lengths if length > 0 and words]
    if len(timed) < 2:
        return False
    slow = sum(words < _IMPOSSIBLY_SLOW * length for words, length in timed)
    rate = 1000 * sum(words for words, _ in timed) / sum(length for _, length in timed)
    return slow >= _NEARLY_ALL * len(timed) and _SLOWEST <= rate <= _FASTEST


def are_seconds(said: Iterable[Timed]) -> bool:
    """Whether all times are whole numbers, and the speech would be impossibly fast if they were milliseconds."""
    timed = [(words, length) for words, length in _lengths(said) or () if length > 0 and words]
    fast = sum(1000 * words > 4 * _FASTEST * length for words, length in timed)
    return bool(timed) and fast >= _NEARLY_ALL * len(timed)


def whole_number(value: object) -> int | None:
    """A time that is a whole number, also as text; None if it is not."""
    if isinstance(value, str):
        value = value.strip()
        return int(value.partition(".")[0]) if _WHOLE.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e15:
        return None
    return int(value) if value == int(value) else None


def _lengths(said: Iterable[Timed]) -> Sequence[tuple[float, float]] | None:
    """The words and the length of each utterance in the unit of the file; None unless all times are whole numbers.

    Without any ends, an utterance lasts to the next start. That is less reliable, so fewer than four utterances, or
    lengths that are mostly impossible in milliseconds, decide nothing.
    """
    rows: list[tuple[int, int | None, float]] = []
    for start, end, text in said:
        if start is None or start == "":
            continue
        begun, ended = whole_number(start), None
        if begun is None:
            return None
        if end is not None and end != "":
            ended = whole_number(end)
            if ended is None:
                return None
        rows.append((begun, ended, max(len(text.split()), len(text) / _LETTERS_PER_WORD) if text.strip() else 0))
    if any(ended is not None for _, ended, _ in rows):
        return [(words, ended - begun) for begun, ended, words in rows if ended is not None]
    rows.sort(key=lambda row: row[0])
    if len(rows) < 4:
        return None
    lengths = [(words, after[0] - begun) for (begun, _, words), after in pairwise(rows)]
    possible = sum(_SLOWEST * length <= 1000 * words <= _FASTEST * length for words, length in lengths)
    return lengths if possible >= _NEARLY_ALL * len(lengths) else []
