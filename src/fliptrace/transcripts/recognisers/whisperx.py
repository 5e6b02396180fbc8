"""Reader for the JSON of Whisper, WhisperX and similar tools: an object with `segments` of text, start and end.

Times are seconds. A segment is one utterance, unless its words have several speakers; it is then split between them. A
segment without a speaker gets the speaker of its words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fliptrace.transcripts.recognisers.shapes import Shape, first_name, has_rows, objects_of, text_of
from fliptrace.transcripts.recognisers.turns import split_by_words, take_label
from fliptrace.transcripts.recognisers.words import Word
from fliptrace.transcripts.source import RawUtterance, Reader, Source

_SPEAKER = ("speaker", "speaker_label", "speaker_name", "speaker_id")


def read_whisperx(source: Source) -> Iterator[RawUtterance]:
    """Yield the utterances of all segments."""
    num_by_words = num_split = 0
    for number, segment in enumerate(objects_of(_segments(source), "segment", source), start=1):
        place = f"segment {number}"
        rows = segment.get("words")
        words = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        speaker = first_name(segment, *_SPEAKER)
        named = {first_name(word, *_SPEAKER) for word in words} - {None}
        if speaker is None and len(named) == 1:
            speaker = named.pop()
            num_by_words += 1
        text = text_of(segment.get("text"), source, place)
        start, end = segment.get("start"), segment.get("end")
        if start is None:
            start = next((word["start"] for word in words if word.get("start") is not None), None)
        parts = [take_label(RawUtterance(place, text, speaker, start, end))]
        if len(named) > 1:
            parts = split_by_words(parts[0], [_word(word, place) for word in words])
        num_split += len(parts) > 1
        yield from parts
    if num_by_words:
        source.notes.append(f"segments without a speaker that got the speaker of their words: {num_by_words:,}")
    if num_split:
        source.notes.append(f"segments whose words have several speakers, split between them: {num_split:,}")


def _segments(source: Source) -> Any:
    value = source.json
    if isinstance(value, dict) and isinstance(value.get("segments"), list):
        source.refuse_part("WhisperX")
        return value["segments"]
    found = SHAPE.find(source, "WhisperX")
    return found["segments"] if isinstance(found, dict) else found


def _word(row: Mapping[str, Any], place: str) -> Word:
    text = row.get("word", row.get("text"))
    speaker = first_name(row, *_SPEAKER)
    return Word(place, text.strip() if isinstance(text, str) else "", speaker, row.get("start"), row.get("end"))


def _is_whisper(value: Any) -> bool:
    if isinstance(value, dict):
        return has_rows(value.get("segments"), "text", "start", "end")
    rows = value[:5] if has_rows(value, "text", "start", "end") else []
    return any(isinstance(row, dict) and has_rows(row.get("words"), "word") for row in rows)


SHAPE = Shape(_is_whisper, "an object with a list called 'segments' of objects with text, start and end", 0.8)
READER = Reader(
    "whisperx",
    (".json",),
    SHAPE.sniff,
    read_whisperx,
    title="Whisper and WhisperX JSON",
    example='{"segments": [{"start": 0.1, "end": 2.0, "text": " You are late.", "speaker": "SPEAKER_00"}]}',
    has_cues=True,
)
