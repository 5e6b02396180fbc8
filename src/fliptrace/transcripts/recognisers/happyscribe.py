"""Reader for the JSON of Happy Scribe: a list of paragraphs with a speaker and words. Times are seconds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fliptrace.transcripts.recognisers.shapes import Shape, first_name, has_rows, objects_of, text_of
from fliptrace.transcripts.recognisers.words import Word, join_words
from fliptrace.transcripts.source import RawUtterance, Reader, Source


def read_happyscribe(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per paragraph."""
    value = SHAPE.find(source, "Happy Scribe")
    rows = value if isinstance(value, list) else next(each for each in value.values() if _has_paragraphs(each))
    for number, row in enumerate(objects_of(rows, "paragraph", source), start=1):
        place = f"paragraph {number}"
        words = objects_of(row.get("words"), f"{place} word", source)
        texts = [text_of(word.get("text"), source, place) for word in words]
        has_blanks = any(text != text.strip() for text in texts)
        text = join_words(Word(place, text, joins="both" if has_blanks else "") for text in texts)
        start = row.get("data_start", words[0].get("data_start") if words else None)
        end = row.get("data_end", words[-1].get("data_end") if words else None)
        speaker = first_name(row, "speaker", "speaker_name", "speaker_number")
        yield RawUtterance(place, text or text_of(row.get("text"), source, place), speaker, start, end)


def _has_paragraphs(value: Any) -> bool:
    if not has_rows(value, "words"):
        return False
    return any(isinstance(row, dict) and has_rows(row.get("words"), "text", "data_start") for row in value[:5])


SHAPE = Shape(_has_paragraphs, "a list of objects with a speaker and words that have a data_start", 0.95)
READER = Reader(
    "happyscribe",
    (".json",),
    SHAPE.sniff,
    read_happyscribe,
    title="Happy Scribe JSON",
    example='[{"speaker": "Ana", "words": [{"text": "Late.", "data_start": 0.1, "data_end": 0.4}]}]',
)
