"""Reader for the JSON of Gladia: version 2 has `utterances` in `transcription`, version 1 a list `prediction`.

Times are seconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fliptrace.transcripts.recognisers.shapes import (
    Shape,
    first_name,
    has_rows,
    label_with_channel,
    object_of,
    objects_of,
    text_of,
)
from fliptrace.transcripts.recognisers.words import in_one_order
from fliptrace.transcripts.source import RawUtterance, Reader, Source


def read_gladia(source: Source) -> Iterable[RawUtterance]:
    """One utterance per utterance of the file."""
    value = SHAPE.find(source, "Gladia")
    transcription = object_of(value.get("transcription"))
    rows = objects_of(transcription.get("utterances", value.get("prediction")), "utterance", source)
    channels = {first_name(row, "channel") for row in rows} - {None}
    found = []
    for number, row in enumerate(rows, start=1):
        place = f"utterance {number}"
        speaker = first_name(row, "speaker")
        if speaker is not None and "not_activated" in speaker:
            speaker = None
        channel = str(row.get("channel")).removeprefix("channel_") if len(channels) > 1 else None
        start, end = row.get("start", row.get("time_begin")), row.get("end", row.get("time_end"))
        text = text_of(row.get("text", row.get("transcription")), source, place)
        found.append(RawUtterance(place, text, label_with_channel(speaker, channel), start, end))
    return in_one_order(found, len(channels), source)


def _is_gladia(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    transcription = value.get("transcription")
    if isinstance(transcription, dict) and has_rows(transcription.get("utterances"), "text", "start"):
        return True
    return has_rows(value.get("prediction"), "transcription", "time_begin")


SHAPE = Shape(
    _is_gladia, "`utterances` in `transcription`, or a list `prediction` with transcription and time_begin", 0.95
)
READER = Reader(
    "gladia",
    (".json",),
    SHAPE.sniff,
    read_gladia,
    title="Gladia JSON",
    example='{"result": {"transcription": {"utterances": [{"text": "You are late.", "start": 0.1, "speaker": 0}]}}}',
)
