"""Reader for the JSON of whisper.cpp: a list `transcription` whose `offsets` are milliseconds.

Its options --diarize (stereo) and --tinydiarize write `speaker` and `speaker_turn_next`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fliptrace.transcripts.recognisers.shapes import (
    Shape,
    first_name,
    has_rows,
    in_seconds,
    object_of,
    objects_of,
    text_of,
)
from fliptrace.transcripts.recognisers.turns import take_label
from fliptrace.transcripts.source import RawUtterance, Reader, Source


def read_whispercpp(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per segment."""
    num_turns = num_unsure = 0
    for number, row in enumerate(
        objects_of(SHAPE.find(source, "whisper.cpp")["transcription"], "segment", source), start=1
    ):
        place = f"segment {number}"
        text = text_of(row.get("text"), source, place)
        speaker = first_name(row, "speaker")
        if speaker == "?":  # both channels are equally loud
            speaker, num_unsure = None, num_unsure + 1
        num_turns += row.get("speaker_turn_next") is True or "[SPEAKER_TURN]" in text
        offsets, clock = object_of(row.get("offsets")), object_of(row.get("timestamps"))
        start, end = (
            in_seconds(offsets[key], 1000) if offsets.get(key) is not None else clock.get(key) for key in ("from", "to")
        )
        yield take_label(RawUtterance(place, text.replace("[SPEAKER_TURN]", " "), speaker, start, end))
    if num_turns:
        source.notes.append(f"changes of speaker that the file marks without saying who speaks: {num_turns:,}")
    if num_unsure:
        source.notes.append(f"segments whose speaker whisper.cpp could not tell: {num_unsure:,}")


def _is_whispercpp(value: Any) -> bool:
    rows = value.get("transcription") if isinstance(value, dict) else None
    return has_rows(rows, "text") and (has_rows(rows, "offsets") or has_rows(rows, "timestamps"))


SHAPE = Shape(_is_whispercpp, "a list `transcription` of objects with text and offsets", 0.95)
READER = Reader(
    "whispercpp",
    (".json",),
    SHAPE.sniff,
    read_whispercpp,
    title="whisper.cpp JSON",
    example='{"transcription": [{"offsets": {"from": 0, "to": 2000}, "text": " You are late."}]}',
    has_cues=True,
)
