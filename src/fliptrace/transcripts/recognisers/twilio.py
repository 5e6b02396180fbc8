"""Reader for the JSON of Twilio's Conversational Intelligence: `sentences` of a media channel. Times are seconds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fliptrace.transcripts.recognisers.shapes import Shape, first_name, has_rows, objects_of, text_of
from fliptrace.transcripts.source import RawUtterance, Reader, Source


def read_twilio(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per sentence; the speaker is its channel."""
    for number, row in enumerate(
        objects_of(SHAPE.find(source, "a transcript of Twilio")["sentences"], "sentence", source), start=1
    ):
        place = f"sentence {number}"
        channel = first_name(row, "media_channel", "mediaChannel")
        speaker = None if channel is None else f"Channel {channel}"
        start, end = row.get("start_time", row.get("startTime")), row.get("end_time", row.get("endTime"))
        yield RawUtterance(place, text_of(row.get("transcript"), source, place), speaker, start, end)


def _is_twilio(value: Any) -> bool:
    rows = value.get("sentences") if isinstance(value, dict) else None
    return has_rows(rows, "transcript") and (has_rows(rows, "media_channel") or has_rows(rows, "mediaChannel"))


SHAPE = Shape(_is_twilio, "a list `sentences` of objects with media_channel and transcript", 0.95)
READER = Reader(
    "twilio",
    (".json",),
    SHAPE.sniff,
    read_twilio,
    title="Twilio JSON",
    example='{"sentences": [{"media_channel": 1, "transcript": "You are late.", "start_time": 0.1, "end_time": 2.0}]}',
)
