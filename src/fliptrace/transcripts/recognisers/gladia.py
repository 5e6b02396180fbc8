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
    in_order_of_time,
    object_of,
    objects_of,
    text_of,
)
from fliptrace.transcripts.recognisers.words import note_channels
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
        if speaker is not None and speaker.isdecimal():
            speaker = f"Speaker {speaker}"
        if len(channels) > 1:
            channel = str(row.get("channel")).removeprefix("channel_")
            speaker = f"Channel {channel}" if speaker is None else f"Channel {channel}, {speaker}"
        start, end = row.get("start", row.get("time_begin")), row.get("end", row.get("time_end"))
        text = text_of(row.get("text", row.get("transcription")), source, place)
        found.append(RawUtterance(place, text, speaker, start, end))
    if len(channels) < 2:
        return found
    note_channels(len(channels), source)
    return in_order_of_time(found)


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
