"""Reader for the JSON of Recall.ai's meeting bots: a list of turns with participant and words. Times are seconds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from typing import Any

from fliptrace.transcripts.recognisers.fields import Rows, rows_at
from fliptrace.transcripts.recognisers.shapes import Shape, first_name, has_rows, object_of, objects_of
from fliptrace.transcripts.recognisers.words import Word, group_words, make_words
from fliptrace.transcripts.source import RawUtterance, Reader, Source


def read_recall(source: Source) -> Iterator[RawUtterance]:
    """Yield the utterances that the words of each turn form."""
    for number, row in enumerate(objects_of(SHAPE.find(source, "a transcript of Recall.ai"), "turn", source), start=1):
        place = f"turn {number}"
        participant = object_of(row.get("participant"))
        speaker = first_name(participant, "name", "id") or first_name(row, "speaker", "speaker_id")
        yield from group_words(_words(rows_at(place, row.get("words"), "word", source), speaker), source)


def _words(rows: Rows, speaker: str | None) -> list[Word]:
    texts = [text.strip() for text in rows.texts("text")]
    starts, ends = (list(map(_time, rows.values(key))) for key in ("start_timestamp", "end_timestamp"))
    return make_words(rows.places, texts, repeat(speaker), starts, ends)


def _time(value: Any) -> Any:
    return value.get("relative") if isinstance(value, dict) else value


def _is_recall(value: Any) -> bool:
    if not has_rows(value, "words"):
        return False
    return any(isinstance(row, dict) and has_rows(row.get("words"), "text", "start_timestamp") for row in value[:5])


SHAPE = Shape(_is_recall, "a list of objects with words that have a text and a start_timestamp", 0.95)
READER = Reader(
    "recall",
    (".json",),
    SHAPE.sniff,
    read_recall,
    title="Recall.ai JSON",
    example='[{"participant": {"id": 1, "name": "Ana"}, "words": '
    '[{"text": "Late.", "start_timestamp": {"relative": 0.1}, "end_timestamp": {"relative": 0.4}}]}]',
)
