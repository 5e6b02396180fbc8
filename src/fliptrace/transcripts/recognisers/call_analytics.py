"""Reader for the JSON of AWS call analytics: Transcribe Call Analytics, Contact Lens and HealthScribe.

A list `Transcript` of utterances whose times are milliseconds. Real-time Contact Lens has `Segments`, each with one
`Transcript`, categories or an unfinished utterance. HealthScribe has `TranscriptSegments` in seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fliptrace.transcripts.recognisers.shapes import (
    Shape,
    first_name,
    has_rows,
    in_seconds,
    names_by_id,
    object_of,
    objects_of,
    text_of,
)
from fliptrace.transcripts.source import RawUtterance, Reader, Source


def read_call_analytics(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per element of the transcript. The role of a participant is its name."""
    call = SHAPE.find(source, "a call analysis")
    if "TranscriptSegments" in call:
        yield from _clinical(call, source)
        return
    roles = names_by_id(call.get("Participants"), "ParticipantId", "DisplayName", "ParticipantRole")
    for place, row in _rows(call, source):
        speaker = first_name(row, "DisplayName", "ParticipantRole")
        if speaker is None and (speaker := first_name(row, "ParticipantId")) is not None:
            speaker = roles.get(speaker, speaker)
        if row.get("ContentType", "text/plain") == "application/vnd.amazonaws.connect.event" or (
            "Content" not in row and "Id" in row
        ):
            source.leave_out(place, str(row.get("Type", "")), "events")
            continue
        start, end = (in_seconds(row.get(key), 1000) for key in ("BeginOffsetMillis", "EndOffsetMillis"))
        yield RawUtterance(place, text_of(row.get("Content"), source, place), speaker, start, end)


def _rows(call: dict[str, Any], source: Source) -> Iterator[tuple[str, dict[str, Any]]]:
    """The utterances with their places."""
    if not isinstance(call.get("Segments"), list):
        for number, row in enumerate(objects_of(call.get("Transcript"), "utterance", source), start=1):
            yield f"utterance {number}", row
        return
    for number, segment in enumerate(objects_of(call["Segments"], "segment", source), start=1):
        row = object_of(segment.get("Transcript"))
        if row:
            yield f"segment {number}", row
        elif partial := object_of(segment.get("Utterance")):
            source.leave_out(f"segment {number}", str(partial.get("PartialContent", ""))[:200], "interim results")
        else:
            source.leave_out(f"segment {number}", ", ".join(segment)[:200], "segments without speech")


def _clinical(call: dict[str, Any], source: Source) -> Iterator[RawUtterance]:
    for number, row in enumerate(objects_of(call.get("TranscriptSegments"), "segment", source), start=1):
        place = f"segment {number}"
        speaker = first_name(object_of(row.get("ParticipantDetails")), "ParticipantRole")
        text = text_of(row.get("Content"), source, place)
        yield RawUtterance(place, text, speaker, row.get("BeginAudioTime"), row.get("EndAudioTime"))


def _is_call(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    rows = value.get("Transcript")
    if isinstance(value.get("Segments"), list):
        rows = [segment["Transcript"] for segment in value["Segments"][:50] if _has_transcript(segment)]
    is_call = has_rows(rows, "Content") and (
        has_rows(rows, "BeginOffsetMillis") or has_rows(rows, "ParticipantRole") or has_rows(rows, "ParticipantId")
    )
    return is_call or has_rows(value.get("TranscriptSegments"), "Content", "BeginAudioTime")


def _has_transcript(segment: Any) -> bool:
    return isinstance(segment, dict) and isinstance(segment.get("Transcript"), dict)


SHAPE = Shape(_is_call, "a list `Transcript` of objects with Content, ParticipantRole and BeginOffsetMillis", 0.95)
READER = Reader(
    "call-analytics",
    (".json",),
    SHAPE.sniff,
    read_call_analytics,
    title="AWS call analytics JSON",
    example='{"Transcript": [{"ParticipantRole": "AGENT", "Content": "How can I help?", "BeginOffsetMillis": 0}]}',
)
