"""Access to the JSON of recognisers: finding the object that a tool wrote, checking its lists, and reading its times.

Tools wrap their output in several ways ({"data": ...}, {"response": ...}), so a shape is searched for in the file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple, TypeGuard, TypeVar

from fliptrace.core.errors import InputError
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Source
from fliptrace.transcripts.tables.cells import name_of, shown
from fliptrace.transcripts.times import MAX_SECONDS, indices_in_time, read_time

_MAX_DEPTH = 5  # Google's batch results stand five objects deep
_MAX_KEYS = 40  # of one object; a wrapper has few
_MAX_OBJECTS = 300  # looked at in a file
_MAX_FIRST_VALUE = 100_000  # characters; the first of several JSON values is a short message
_FIRST = 5  # elements of a list that are looked at; the fields of the first one may be incomplete

Value = TypeVar("Value")


class Shape(NamedTuple):
    """The structure by which the JSON of a tool is recognised. `expected` describes it in errors and evidence."""

    fits: Callable[[Any], bool]
    expected: str
    strength: float = 0.9

    def sniff(self, source: Source) -> Evidence:
        found = any(self.fits(each.value) for each in _values_within(source.json_or_none))
        return Evidence(self.strength, self.expected) if found else NO_EVIDENCE

    def find(self, source: Source, title: str = "") -> Any:
        """Return the value in the file that has this shape, or the one of several that was selected by #NAME.

        InputError if there is none, or if it is not clear which one is meant. `title` is the name of the format,
        or "" if its files may contain several dialogues in a way of its own.
        """
        value = source.json
        found = next((each for each in _values_within(value) if self.fits(each.value)), None)
        if found is None:
            raise source.error("", f"found {described(value)}; expected {self.expected}")
        alike = [(name, each) for name, each in _children(found.container) if self.fits(each)]
        if len(alike) > 1:
            return choose_part(alike, source)
        if title:
            source.refuse_part(title)
        return found.value


class _Within(NamedTuple):
    """A value of a file, and the object or list that it stands in."""

    value: Any
    container: Any


def _values_within(value: Any) -> Iterator[_Within]:
    """The value and the objects and lists within it, level by level. Of a list, only the first element is looked at."""
    level = [_Within(value, None)] if isinstance(value, dict | list) else []
    num_seen = 0
    for _ in range(_MAX_DEPTH + 1):
        below: list[_Within] = []
        for each in level:
            num_seen += 1
            if num_seen > _MAX_OBJECTS:
                return
            yield each
            holder = each.value
            inside = list(holder.values())[:_MAX_KEYS] if isinstance(holder, dict) else holder[:1]
            below.extend(_Within(child, holder) for child in inside if isinstance(child, dict | list))
        level = below


def _children(container: Any) -> list[tuple[str, Any]]:
    """The values in an object or a list with their names: the key, a title or id, or else the number."""
    if isinstance(container, dict):
        return list(container.items())
    rows = container if isinstance(container, list) else []
    titles = ("title", "name", "file", "filename", "audio_filepath", "id")
    return [(first_name(object_of(row), *titles) or str(number), row) for number, row in enumerate(rows, start=1)]


def described(value: Any) -> str:
    """Describe a JSON value in an error."""
    return f"an object with {shown(value, 8)}" if isinstance(value, dict) else f"a {type(value).__name__}"


def has_rows(value: Any, *keys: str) -> TypeGuard[list[Any]]:
    """Whether a value is a list, and one of its first elements is an object that has all these keys."""
    if not isinstance(value, list):
        return False
    return any(isinstance(row, dict) and all(key in row for key in keys) for row in value[:_FIRST])


def objects_of(value: Any, noun: str, source: Source) -> list[dict[str, Any]]:
    """Check that a value is a list of objects; None is an empty list. `noun` names an element in errors: "segment"."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise source.error("", f"found {type(value).__name__} for the {noun}s, expected a list")
    for number, row in enumerate(value, start=1):
        if not isinstance(row, dict):
            raise source.error(f"{noun} {number}", f"found {type(row).__name__}, expected an object")
    return value


def object_of(value: Any) -> dict[str, Any]:
    """Return the value if it is an object, else an empty object."""
    return value if isinstance(value, dict) else {}


def first_alternative(row: Mapping[str, Any], key: str = "alternatives") -> dict[str, Any]:
    """Return the best alternative of a result, which stands first; {} if there is none."""
    found = row.get(key)
    best = found[0] if isinstance(found, list) and found else None
    return best if isinstance(best, dict) else {}


def text_of(value: Any, source: Source, place: str) -> str:
    """Return text, or "" for null; InputError for anything else."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    raise source.error(place, f"found {type(value).__name__} for the text, expected text")


def first_name(row: Mapping[str, Any], *keys: str) -> str | None:
    """Return the first of these fields that names a speaker; None if none does."""
    for key in keys:
        value = row.get(key)
        if type(value) is str or type(value) is int:  # repeated at every word
            name = _name_of_label(value)
        else:
            name = None if value is None else name_of(value)
        if name is not None:
            return name
    return None


@lru_cache(maxsize=4096)
def _name_of_label(value: str | int) -> str | None:
    return name_of(value)


def label_with_channel(label: str | None, channel: object) -> str | None:
    """The name of a speaker in one of several channels; `channel` is None if there is only one.

    >>> label_with_channel("0", None), label_with_channel("0", 1), label_with_channel(None, 1)
    ('Speaker 0', 'Channel 1, Speaker 0', 'Channel 1')
    """
    if label is not None and label.isdecimal():
        label = f"Speaker {label}"
    if channel is None:
        return label
    return f"Channel {channel}" if label is None else f"Channel {channel}, {label}"


def names_by_id(value: Any, key: str, *names: str) -> dict[str, str]:
    """Map the ids in a list of speakers to their names, as far as these are given."""
    rows = value if isinstance(value, list) else []
    found = ((name_of(row.get(key)), first_name(row, *names)) for row in rows if isinstance(row, dict))
    return {number: name for number, name in found if number is not None and name is not None}


# Times. A value that is not a readable time is returned unchanged, so that `assemble` counts it.

_ISO_DURATION = re.compile(
    r"P(?:(?P<days>\d{1,6})D)?(?:T(?:(?P<hours>\d{1,9})H)?(?:(?P<minutes>\d{1,9})M)?(?:(?P<seconds>\d{1,12}(?:[.,]\d{1,12})?)S)?)?"
)


def in_seconds(value: Any, per_second: float) -> object:
    """Convert a number to seconds; `per_second` is how many of its units make a second.

    >>> in_seconds(1500, 1000), in_seconds("2500", 1000), in_seconds(None, 1000)
    (1.5, 2.5, None)
    """
    kind = type(value)
    if kind is not float and kind is not str and kind is not int:
        return value
    try:
        return float(value) / per_second
    except (ValueError, OverflowError):
        return value


def from_duration(value: Any) -> object:
    """Convert an ISO 8601 duration to seconds; other values are returned unchanged.

    >>> from_duration("PT1M2.5S"), from_duration("00:01:02")
    (62.5, '00:01:02')
    """
    found = _ISO_DURATION.fullmatch(value) if isinstance(value, str) and len(value) < 60 else None
    if found is None or not any(found.groups()):
        return value
    days, hours, minutes = (float(found[unit] or 0) for unit in ("days", "hours", "minutes"))
    return ((days * 24 + hours) * 60 + minutes) * 60 + float((found["seconds"] or "0").replace(",", "."))


def from_timestamp(value: Any) -> datetime | None:
    """Read a date and time as ISO 8601, with any number of decimals; UTC if it has no zone. None if it is not one."""
    if not isinstance(value, str) or not 10 < len(value.strip()) < 50:
        return None
    text = re.sub(r"(\.\d{1,6})\d*", r"\1", value.strip())
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def seconds_after(first: datetime | None, value: Any) -> object:
    """Seconds from `first` to a timestamp; the value itself if it is not a timestamp."""
    time = from_timestamp(value)
    return value if time is None or first is None else (time - first) / timedelta(seconds=1)


def total(start: object, duration: object) -> object:
    """The end of something that starts at `start` and lasts `duration`, both in seconds; None if one is missing."""
    start, duration = number_of(start), number_of(duration)
    return None if start is None or duration is None else start + duration


def number_of(time: object) -> float | None:
    """Read a time as seconds; None if it is missing or unreadable."""
    if time is None:
        return None
    if type(time) is float and 0 <= time <= MAX_SECONDS:  # what most words have
        return time
    try:
        return read_time(time)
    except ValueError:
        return None


def in_order_of_time(utterances: Iterable[RawUtterance]) -> list[RawUtterance]:
    """Sort utterances by their start. One without a start stays behind the one before it."""
    utterances = list(utterances)
    return [utterances[i] for i in indices_in_time([number_of(each.start) for each in utterances])]


def carry_speakers(utterances: Iterable[RawUtterance], source: Source) -> Iterator[RawUtterance]:
    """Give utterances without a speaker the speaker of the one before; for formats that name only a new speaker."""
    last: str | None = None
    num_carried = 0
    for utterance in utterances:
        last = utterance.speaker or last
        num_carried += utterance.speaker is None and last is not None
        yield replace(utterance, speaker=last)
    if num_carried:
        source.notes.append(f"utterances without a speaker, assigned to the speaker before: {num_carried:,}")


# Files with several dialogues or several JSON values.


def choose_part(dialogues: Sequence[tuple[str, Value]], source: Source) -> Value:
    """Return the dialogue that was selected by #NAME, or the only one; InputError if that is not clear."""
    names = [name for name, _ in dialogues]
    if source.part is None and len(dialogues) == 1:
        return dialogues[0][1]
    if source.part is None:
        found = f"{len(dialogues):,} dialogues ({shown(names, 5)})"
        raise source.error("", f"found {found}; expected one: select it with {source.name}#NAME")
    chosen = [dialogue for name, dialogue in dialogues if name == source.part]
    if len(chosen) != 1:
        raise source.error("", f"{len(chosen):,} dialogues called {source.part!r}; expected one of {shown(names, 5)}")
    return chosen[0]


def first_value(source: Source) -> Any:
    """Parse the first JSON value of a text that may contain several; None if it is not JSON, or very long."""
    if source.json_or_none is not None:
        return source.json_or_none
    start = source.text[:_MAX_FIRST_VALUE].lstrip()
    if not start.startswith(("[", "{")):
        return None
    try:
        return json.JSONDecoder().raw_decode(start)[0]
    except (ValueError, RecursionError):
        return None


def values_of(source: Source) -> list[tuple[str, Any]]:
    """Parse a text of one or more JSON values, one after another. The elements of a single list count as values.

    Each comes with its place, such as "line 12".
    """
    if source.json_or_none is not None:
        rows = source.json if isinstance(source.json, list) else [source.json]
        return [(f"item {number}", row) for number, row in enumerate(rows, start=1)]
    decoder, text = json.JSONDecoder(), source.text
    found: list[tuple[str, Any]] = []
    position, line = 0, 1
    gap = re.compile(r"[\s,\x1e]*")  # some tools write commas or record separators between values
    while (start := gap.match(text, position).end()) < len(text):  # type: ignore[union-attr]
        line += text.count("\n", position, start)
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            if not found:
                return [("", source.json)]  # raises the error of a file with one value
            rest = text[start : start + 200].split("\n")[0]
            raise InputError(f"{source.name} line {line}", f"found {rest[:60]!r}; expected JSON") from None
        found.append((f"line {line}", value))
        line += text.count("\n", start, end)
        position = end
    return found
