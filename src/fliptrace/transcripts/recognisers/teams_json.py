"""Reader for Microsoft Teams' own JSON: `entries` with speakerDisplayName, text and startOffset.

Offsets are clock times with seven decimals or ISO 8601 durations.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fliptrace.transcripts.recognisers.shapes import (
    Shape,
    first_name,
    from_duration,
    has_rows,
    objects_of,
    text_of,
)
from fliptrace.transcripts.source import RawUtterance, Reader, Source


def read_teams(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per entry."""
    value = SHAPE.find(source, "a transcript of Teams")
    rows = value["entries"] if isinstance(value, dict) else value
    for number, row in enumerate(objects_of(rows, "entry", source), start=1):
        place = f"entry {number}"
        if "text" not in row:
            source.leave_out(place, str(row.get("eventType") or row.get("type") or ""), "events")
            continue
        speaker = first_name(row, "speakerDisplayName", "speakerName", "speakerId")
        start, end = (from_duration(row.get(key)) for key in ("startOffset", "endOffset"))
        yield RawUtterance(place, text_of(row.get("text"), source, place), speaker, start, end)
    events = value.get("events") if isinstance(value, dict) else None
    for number, event in enumerate(events if isinstance(events, list) else [], start=1):
        kind = event.get("eventType", event.get("type", "")) if isinstance(event, dict) else event
        source.leave_out(f"event {number}", str(kind), "events")


def _is_teams(value: Any) -> bool:
    rows = value.get("entries") if isinstance(value, dict) else value
    if not has_rows(rows, "text"):
        return False
    return has_rows(rows, "speakerDisplayName") or has_rows(rows, "startOffset", "speakerId")


SHAPE = Shape(_is_teams, "a list `entries` of objects with speakerDisplayName, text and startOffset", 0.95)
READER = Reader(
    "teams-json",
    (".json",),
    SHAPE.sniff,
    read_teams,
    title="Microsoft Teams JSON",
    example='{"entries": [{"speakerDisplayName": "Ana", "text": "You are late.", "startOffset": "00:00:04.2100000"}]}',
)
