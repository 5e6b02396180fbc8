"""Reader for the JSON of Zoom: transcripts with `timeline` (Zoom Phone) or `transcriptList` (its player).

The timeline of a meeting's recording says only who spoke when; it is refused. Times are clock times.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fliptrace.transcripts.recognisers.shapes import Shape, first_name, has_rows, objects_of, text_of
from fliptrace.transcripts.source import RawUtterance, Reader, Source

_LISTS = ("timeline", "transcriptList", "transcript_list")
_NAMES = ("username", "user_name", "userName", "display_name", "displayName", "name", "phone_number", "zoom_userid")


def read_zoom(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per element."""
    value = SHAPE.find(source, "a transcript of Zoom")
    rows = objects_of(next(value[key] for key in _LISTS if key in value), "element", source)
    if not any(row.get("text") or row.get("raw_text") for row in rows):
        raise source.error("", "this timeline says who spoke when, but not what; expected a transcript (Zoom's .vtt)")
    num_shared = 0
    for number, row in enumerate(rows, start=1):
        place = f"element {number}"
        names = _speakers(row)
        num_shared += len(names) > 1
        text = text_of(row.get("text") or row.get("raw_text"), source, place)
        end = row.get("end_ts", row.get("endTs"))
        yield RawUtterance(place, text, " and ".join(names[:3]) or None, row.get("ts"), end)
    if num_shared:
        source.notes.append(f"utterances with several speakers, read as one speaker: {num_shared:,}")


def _speakers(row: Mapping[str, Any]) -> list[str]:
    users = row.get("users")
    rows: list[Mapping[str, Any]] = (
        [user for user in users if isinstance(user, dict)] if isinstance(users, list) else []
    )
    names = (first_name(each, *_NAMES) for each in rows or [row])
    return list(dict.fromkeys(name for name in names if name is not None))


def _is_zoom(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    return any(
        has_rows(value.get(key), "ts") and (has_rows(value[key], "users") or has_rows(value[key], "text"))
        for key in _LISTS
    )


SHAPE = Shape(_is_zoom, "a list `timeline` of objects with ts, users and text", 0.95)
READER = Reader(
    "zoom-json",
    (".json",),
    SHAPE.sniff,
    read_zoom,
    title="Zoom JSON",
    example='{"timeline": [{"ts": "00:00:03.440", "end_ts": "00:00:05.120", "text": "You are late.", '
    '"users": [{"username": "Ana"}]}]}',
)
