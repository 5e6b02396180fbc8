"""Reader for the JSON of Sonix: a list `transcript` of paragraphs with speaker, text and words. Times are seconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fliptrace.transcripts.recognisers.shapes import Shape, first_name, has_rows, objects_of, text_of
from fliptrace.transcripts.recognisers.words import Word, join_words
from fliptrace.transcripts.source import RawUtterance, Reader, Source

_Row = Mapping[str, Any]


def read_sonix(source: Source) -> Iterable[RawUtterance]:
    """One utterance per paragraph."""
    rows = objects_of(SHAPE.find(source, "a transcript of Sonix")["transcript"], "paragraph", source)
    return [_paragraph(row, f"paragraph {number}", source) for number, row in enumerate(rows, start=1)]


def _paragraph(row: _Row, place: str, source: Source) -> RawUtterance:
    text = text_of(row.get("text"), source, place)
    if not text.strip():
        words = objects_of(row.get("words"), f"{place} word", source)
        text = join_words(Word(place, text_of(word.get("text"), source, place).strip()) for word in words)
    return RawUtterance(place, text, first_name(row, "speaker"), row.get("start_time"), row.get("end_time"))


def _is_sonix(value: Any) -> bool:
    rows = value.get("transcript") if isinstance(value, dict) else None
    return has_rows(rows, "speaker", "start_time") and (has_rows(rows, "text") or has_rows(rows, "words"))


SHAPE = Shape(_is_sonix, "a list `transcript` of objects with speaker, start_time and text", 0.9)
READER = Reader(
    "sonix-json",
    (".json",),
    SHAPE.sniff,
    read_sonix,
    title="Sonix JSON",
    example='{"transcript": [{"speaker": "Ana", "start_time": 0.5, "end_time": 2.0, "text": "You are late."}]}',
)
