"""Reader for the JSON of Trint: `words`, `paragraphs` and `speakers` with ids. Times are milliseconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fliptrace.transcripts.recognisers.shapes import (
    Shape,
    first_name,
    has_rows,
    in_seconds,
    names_by_id,
    objects_of,
    text_of,
    total,
)
from fliptrace.transcripts.recognisers.words import Word, group_words
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
    rows = enumerate(objects_of(value["words"], "word", source), start=1)
    return group_words([_word(row, f"word {number}", by_paragraph, source) for number, row in rows], source)


def _word(row: Mapping[str, Any], place: str, speakers: Mapping[str | None, str | None], source: Source) -> Word:
    start = in_seconds(row.get("time"), 1000)
    end = total(start, in_seconds(row.get("duration"), 1000))
    paragraph = first_name(row, "paragraphId", "paragraph")
    return Word(place, text_of(row.get("value"), source, place).strip(), speakers.get(paragraph), start, end)


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
