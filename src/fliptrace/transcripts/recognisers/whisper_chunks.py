"""Reader for the JSON of Transformers' speech pipelines: `chunks` with a `timestamp` of start and end in seconds.

Insanely Fast Whisper adds `speakers`, which are the chunks with the name of their speaker. Chunks may be single words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fliptrace.transcripts.recognisers.shapes import Shape, first_name, has_rows, objects_of, text_of
from fliptrace.transcripts.recognisers.words import Word, group_words
from fliptrace.transcripts.source import RawUtterance, Reader, Source


def read_chunks(source: Source) -> Iterable[RawUtterance]:
    """One utterance per chunk, or the utterances that words form."""
    value = SHAPE.find(source, "a list of chunks")
    rows = value if isinstance(value, list) else value.get("speakers") or value.get("chunks")
    words = [_word(row, f"chunk {n}", source) for n, row in enumerate(objects_of(rows, "chunk", source), start=1)]
    if sum(len(word.text.split()) <= 1 for word in words) > 0.8 * len(words):
        return group_words(words, source)
    return [RawUtterance(word.place, word.text, word.speaker, word.start, word.end) for word in words]


def _word(row: Mapping[str, Any], place: str, source: Source) -> Word:
    time = row.get("timestamp")
    start, end = time if isinstance(time, list) and len(time) == 2 else (None, None)
    return Word(place, text_of(row.get("text"), source, place).strip(), first_name(row, "speaker"), start, end)


def _has_chunks(value: Any) -> bool:
    if not has_rows(value, "text", "timestamp"):
        return False
    first = next(row for row in value[:5] if isinstance(row, dict) and "timestamp" in row)
    return isinstance(first["timestamp"], list) and len(first["timestamp"]) == 2


SHAPE = Shape(
    lambda value: (
        _has_chunks(value)
        or (isinstance(value, dict) and any(map(_has_chunks, (value.get("chunks"), value.get("speakers")))))
    ),
    "a list `chunks` of objects with a text and a timestamp of two numbers",
    0.9,
)
READER = Reader(
    "whisper-chunks",
    (".json",),
    SHAPE.sniff,
    read_chunks,
    title="Transformers and Insanely Fast Whisper JSON",
    example='{"text": "You are late.", "chunks": [{"timestamp": [0.0, 2.0], "text": " You are late."}]}',
    has_cues=True,
)
