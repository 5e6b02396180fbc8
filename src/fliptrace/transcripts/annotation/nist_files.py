"""The lines of the formats of NIST: CTM and STM, which may hold several recordings, and RTTM."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from fliptrace.transcripts.source import Source
from fliptrace.transcripts.tables.cells import shown

NUMBER = r"\d{1,7}(?:\.\d{1,9})?"  # a time in seconds, as part of a pattern


class Line(NamedTuple):
    """The fields of a line, without comments; the first field is the recording."""

    place: str
    fields: list[str]


def lines_of_recording(source: Source, num_fields: int, expected: str, max_split: int) -> list[Line]:
    """The lines of the only recording, or of the one that # names.

    A line is split at most `max_split` times. InputError for a line of fewer than `num_fields` fields, and for several
    recordings if none is named.
    """
    lines = list(_lines(source, num_fields, expected, max_split))
    recordings = list(dict.fromkeys(line.fields[0] for line in lines))
    if source.part is None and len(recordings) > 1:
        found = f"{len(recordings):,} recordings ({shown(recordings, 5)})"
        raise source.error("", f"{found}; expected one: select it with {source.name}#NAME")
    if source.part is not None and source.part not in recordings:
        raise source.error("", f"no recording {source.part!r}; the file has {shown(recordings, 5)}")
    return [line for line in lines if source.part in (None, line.fields[0])]


def seconds(line: Line, position: int, source: Source, expected: str) -> float:
    """A field as seconds; InputError if it is not a number."""
    try:
        return float(line.fields[position])
    except ValueError as error:
        raise source.error(line.place, f"found {line.fields[position][:40]!r}; expected {expected}") from error


def sample_lines(source: Source) -> list[str]:
    """The first lines that are not comments, to recognise a format by."""
    lines = source.text[:8_000].split("\n")[:50]
    lines = lines[:-1] if len(source.text) > 8_000 else lines
    return [line for line in lines if line.strip() and not line.startswith(";;")]


def _lines(source: Source, num_fields: int, expected: str, max_split: int) -> Iterator[Line]:
    for number, text in enumerate(source.lines, start=1):
        place = f"line {number}"
        if text.startswith(";;"):
            source.leave_out(place, text, "comments")
        elif text.strip():
            fields = text.split(None, max_split)
            if len(fields) < num_fields:
                raise source.error(place, f"found {text[:60]!r}; expected {expected}")
            yield Line(place, fields)
