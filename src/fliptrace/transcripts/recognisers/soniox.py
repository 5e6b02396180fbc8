"""Reader for the JSON of Soniox: `tokens`, which are parts of words, blanks included. Times are milliseconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fliptrace.transcripts.recognisers.shapes import Shape, first_name, has_rows, in_seconds, objects_of, text_of
from fliptrace.transcripts.recognisers.words import Word, group_words
from fliptrace.transcripts.source import RawUtterance, Reader, Source


def read_soniox(source: Source) -> Iterator[RawUtterance]:
    """Yield the utterances that the tokens form; translations are left out."""
    words = []
    translated = []
    for number, row in enumerate(objects_of(SHAPE.find(source, "Soniox")["tokens"], "token", source), start=1):
        place = f"token {number}"
        text = text_of(row.get("text"), source, place)
        if row.get("translation_status") == "translation":
            translated.append(text)
        elif not (text.startswith("<") and text.endswith(">")):  # control tokens such as <end>
            words.append(_word(row, place, text))
    if translated:
        source.leave_out("tokens", "".join(translated), "translations")
    yield from group_words(words, source)


def _word(row: Mapping[str, Any], place: str, text: str) -> Word:
    start, end = (in_seconds(row.get(key), 1000) for key in ("start_ms", "end_ms"))
    return Word(place, text, first_name(row, "speaker"), start, end, "both")


SHAPE = Shape(
    lambda value: isinstance(value, dict) and has_rows(value.get("tokens"), "text", "start_ms"),
    "a list `tokens` of objects with text and start_ms",
    0.95,
)
READER = Reader(
    "soniox",
    (".json",),
    SHAPE.sniff,
    read_soniox,
    title="Soniox JSON",
    example='{"tokens": [{"text": "Late", "start_ms": 100, "end_ms": 400, "speaker": "1"}]}',
)
