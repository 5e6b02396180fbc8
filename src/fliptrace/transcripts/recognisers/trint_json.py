"""Reader for the JSON of Trint: `words`, `paragraphs` and `speakers` with ids. Times are milliseconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fliptrace.transcripts.recognisers.fields import Rows, rows_of
from fliptrace.transcripts.recognisers.shapes import (
    Shape,
    first_name,
    has_rows,
    names_by_id,
    objects_of,
    total,
)
from fliptrace.transcripts.recognisers.words import Word, group_words, make_words
from fliptrace.transcripts.source import RawUtterance, Reader, Source
from fliptrace.transcripts.tables.cells import name_of


def read_trint(source: Source) -> Iterable[RawUtterance]:
    """The utterances that the words form. The speaker of a word is that of its paragraph."""
    value = SHAPE.find(source, "a transcript of Trint")
    names = names_by_id(value.get("speakers"), "id", "name")
    by_paragraph = {}
    for row in objects_of(value.get("paragraphs"), "paragraph", source):
        speaker = first_name(row, "speaker", "speakerId")
        by_paragraph[name_of(row.get("id"))] = names.get(speaker or "", speaker)
    parts = rows_of(value["words"], "word", source)
    return group_words([word for rows in parts for word in _words(rows, by_paragraph)], source)


def _words(rows: Rows, by_paragraph: Mapping[str | None, str | None]) -> list[Word]:
    texts = [text.strip() for text in rows.texts("value")]
    paragraphs = zip(rows.names("paragraphId"), rows.names("paragraph"), strict=True)
    speakers = [by_paragraph.get(first or second) for first, second in paragraphs]
    starts, durations = rows.seconds("time", 1000), rows.seconds("duration", 1000)
    return make_words(rows.places, texts, speakers, starts, map(total, starts, durations))


def _is_trint(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and has_rows(value.get("words"), "value", "time")
        and isinstance(value.get("paragraphs"), list)
    )


SHAPE = Shape(_is_trint, "`paragraphs` and a list `words` of objects with value and time", 0.95)
READER = Reader(
    "trint-json",
    (".json",),
    SHAPE.sniff,
    read_trint,
    title="Trint JSON",
    example='{"transcript": {"speakers": [{"id": "s", "name": "Ana"}], "paragraphs": [{"id": "p", "speaker": "s"}], '
    '"words": [{"time": 100, "duration": 300, "value": "Late.", "paragraphId": "p"}]}}',
)
