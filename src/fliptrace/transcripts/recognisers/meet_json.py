"""Reader for the answers of the Google Meet API: `transcriptEntries` with timestamps.

Participants are ids, unless the file also lists the participants with their names.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fliptrace.transcripts.recognisers.shapes import (
    Shape,
    first_name,
    from_timestamp,
    has_rows,
    in_order_of_time,
    object_of,
    objects_of,
    seconds_after,
    text_of,
)
from fliptrace.transcripts.source import RawUtterance, Reader, Source


def read_meet(source: Source) -> Iterable[RawUtterance]:
    """One utterance per entry in the order of time; times count from the first entry."""
    value = SHAPE.find(source, "a transcript of Google Meet")
    rows = value if isinstance(value, list) else value.get("transcriptEntries", value.get("entries"))
    rows = objects_of(rows, "entry", source)
    names = _names(source.json)
    first = min((time for row in rows if (time := from_timestamp(row.get("startTime"))) is not None), default=None)
    found = []
    for number, row in enumerate(rows, start=1):
        place = f"entry {number}"
        resource = first_name(row, "participant")
        speaker = None if resource is None else names.get(resource, resource.rpartition("/")[2])
        start, end = (seconds_after(first, row.get(key)) for key in ("startTime", "endTime"))
        found.append(RawUtterance(place, text_of(row.get("text"), source, place), speaker, start, end))
    if isinstance(value, dict) and value.get("nextPageToken"):
        source.notes.append("the transcript continues on another page of the API, which this file does not contain")
    if not names and found:
        source.notes.append("participants have ids instead of names, which are in another answer of the API")
    return in_order_of_time(found)


def _names(value: Any) -> dict[str, str]:
    names = {}
    rows = object_of(value).get("participants")
    for row in rows if isinstance(rows, list) else []:
        resource = first_name(object_of(row), "name")
        for kind in ("signedinUser", "anonymousUser", "phoneUser"):
            name = first_name(object_of(object_of(row).get(kind)), "displayName")
            if resource is not None and name is not None:
                names[resource] = name
    return names


def _is_meet(value: Any) -> bool:
    rows = (
        object_of(value).get("transcriptEntries", object_of(value).get("entries")) if isinstance(value, dict) else value
    )
    return has_rows(rows, "participant", "text", "startTime")


SHAPE = Shape(_is_meet, "a list `transcriptEntries` of objects with participant, text and startTime", 0.95)
READER = Reader(
    "meet-json",
    (".json",),
    SHAPE.sniff,
    read_meet,
    title="Google Meet API JSON",
    example='{"transcriptEntries": [{"participant": "conferenceRecords/1/participants/7", "text": "You are late.", '
    '"startTime": "2025-01-04T10:00:00Z"}]}',
)
