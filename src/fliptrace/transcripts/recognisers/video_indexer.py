"""Reader for the insights of Azure Video Indexer: `transcript` lines with `instances`, which are clock times."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fliptrace.transcripts.recognisers.shapes import (
    Shape,
    first_alternative,
    first_name,
    has_rows,
    names_by_id,
    objects_of,
    text_of,
)
from fliptrace.transcripts.source import RawUtterance, Reader, Source


def read_video_indexer(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per line of the transcript."""
    insights = SHAPE.find(source, "Video Indexer")
    names = names_by_id(insights.get("speakers"), "id", "name")
    for number, row in enumerate(objects_of(insights["transcript"], "line", source), start=1):
        place = f"line {number} of the transcript"
        speaker = first_name(row, "speakerId")
        instance = first_alternative(row, "instances")
        text = text_of(row.get("text"), source, place)
        yield RawUtterance(place, text, names.get(speaker or "", speaker), instance.get("start"), instance.get("end"))


def _has_insights(value: Any) -> bool:
    return isinstance(value, dict) and has_rows(value.get("transcript"), "text", "instances")


SHAPE = Shape(_has_insights, "a list `transcript` of objects with text and instances", 0.95)
READER = Reader(
    "video-indexer",
    (".json",),
    SHAPE.sniff,
    read_video_indexer,
    title="Azure Video Indexer JSON",
    example='{"insights": {"transcript": [{"text": "You are late.", "speakerId": 1, '
    '"instances": [{"start": "0:00:01.2", "end": "0:00:02"}]}], "speakers": [{"id": 1, "name": "Ana"}]}}',
)
