"""Reader for the JSON of Fireflies: `sentences` of its API, or the list that its website saves. Times are seconds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fliptrace.transcripts.recognisers.shapes import (
    Shape,
    choose_part,
    first_name,
    has_rows,
    names_by_id,
    object_of,
    objects_of,
    text_of,
)
from fliptrace.transcripts.source import RawUtterance, Reader, Source


def read_fireflies(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per sentence. If the answer has several meetings, #TITLE selects one."""
    meeting = _meeting(source)
    names = names_by_id(object_of(meeting).get("speakers"), "id", "name")
    rows = meeting["sentences"] if isinstance(meeting, dict) else meeting
    for number, row in enumerate(objects_of(rows, "sentence", source), start=1):
        place = f"sentence {number}"
        speaker = first_name(row, "speaker_name", "speakerName")
        if speaker is None and (speaker := first_name(row, "speaker_id", "speakerId")) is not None:
            speaker = names.get(speaker, speaker)
        text = next((row[key] for key in ("text", "sentence", "raw_text") if row.get(key)), "")
        start, end = row.get("start_time", row.get("startTime")), row.get("end_time", row.get("endTime"))
        yield RawUtterance(place, text_of(text, source, place), speaker, start, end)


def _meeting(source: Source) -> Any:
    data = object_of(object_of(source.json).get("data"))
    several = data.get("transcripts")
    if isinstance(several, list):
        meetings = [each for each in several if isinstance(each, dict) and isinstance(each.get("sentences"), list)]
        names = [str(each.get("title") or each.get("id") or n) for n, each in enumerate(meetings, start=1)]
        if meetings:
            return choose_part(list(zip(names, meetings, strict=True)), source)
    return SHAPE.find(source, "Fireflies")


def _is_fireflies(value: Any) -> bool:
    rows = value.get("sentences") if isinstance(value, dict) else value
    if not isinstance(rows, list):
        return False
    has_times = has_rows(rows, "start_time") or has_rows(rows, "startTime")
    has_speaker = has_rows(rows, "speaker_name") or has_rows(rows, "speaker_id")
    if isinstance(value, list):
        return has_rows(rows, "sentence", "speaker_name") and has_times
    return has_speaker and (has_rows(rows, "text") or has_rows(rows, "raw_text") or has_rows(rows, "sentence"))


SHAPE = Shape(_is_fireflies, "a list `sentences` of objects with speaker_name, text and start_time", 0.9)
READER = Reader(
    "fireflies",
    (".json",),
    SHAPE.sniff,
    read_fireflies,
    title="Fireflies JSON",
    example='{"data": {"transcript": {"sentences": '
    '[{"speaker_name": "Ana", "text": "You are late.", "start_time": 0.5, "end_time": 2.0}]}}}',
)
