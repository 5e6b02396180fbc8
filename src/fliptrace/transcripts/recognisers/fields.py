"""The fields of many rows as lists: the texts, speakers and times of the words of a file.

A file has tens of thousands of words, so what is usual is checked once for many of them. The functions of `shapes`,
which read one value, handle what is not, and give the same results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from types import NoneType
from typing import Any

from fliptrace.transcripts.recognisers.shapes import in_seconds, objects_of, text_of
from fliptrace.transcripts.source import Source
from fliptrace.transcripts.tables.cells import name_of

_Row = Mapping[str, Any]
_NUM_AT_ONCE = 1_000  # rows that remain in the cache of a processor while one field after the other is read


@dataclass(frozen=True, slots=True)
class Rows:
    """Objects of a list in a file, and their places."""

    rows: Sequence[_Row]
    places: Iterable[str]
    source: Source

    def map(self, inner: Callable[[_Row], _Row]) -> Rows:
        """The objects that stand within the rows."""
        return replace(self, rows=list(map(inner, self.rows)))

    def values(self, key: str) -> list[Any]:
        """A field as it is; None where it is missing."""
        return [row.get(key) for row in self.rows]

    def texts(self, key: str) -> list[str]:
        """A field as text, "" where it is missing; InputError for anything else."""
        values = self.values(key)
        if set(map(type, values)) <= {str}:
            return values
        return [text_of(value, self.source, place) for value, place in zip(values, self.places, strict=False)]

    def names(self, key: str) -> list[str | None]:
        """A field as the name of a speaker; None where it names none."""
        values = self.values(key)
        if not set(map(type, values)) <= {str, int, NoneType}:
            return list(map(name_of, values))
        names = {value: name_of(value) for value in set(values)}
        return [names[value] for value in values]

    def seconds(self, key: str, per_second: float = 1.0) -> list[object]:
        """A field as seconds, of which `per_second` units make one; what is not a number is unchanged."""
        values = self.values(key)
        if set(map(type, values)) <= {float, int, str, NoneType}:
            try:
                return [None if value is None else float(value) / per_second for value in values]
            except (ValueError, OverflowError):
                pass
        return [in_seconds(value, per_second) for value in values]


def rows_of(value: Any, noun: str, source: Source) -> Iterator[Rows]:
    """Yield the rows of a long list, some at a time; `noun` names one in its place and in errors: "word"."""
    rows = objects_of(value, noun, source)
    for begin in range(0, len(rows), _NUM_AT_ONCE):
        part = rows[begin : begin + _NUM_AT_ONCE]
        yield Rows(part, [f"{noun} {number}" for number in range(begin + 1, begin + len(part) + 1)], source)


def rows_at(place: str, value: Any, noun: str, source: Source) -> Rows:
    """The rows of a short list, all of which have the place of the object that the list belongs to."""
    return Rows(objects_of(value, f"{place} {noun}", source), repeat(place), source)
