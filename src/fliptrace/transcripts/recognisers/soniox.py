"""Reader for the JSON of Soniox: `tokens`, which are parts of words, blanks included. Times are milliseconds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat

from fliptrace.transcripts.recognisers.fields import Rows, rows_of
from fliptrace.transcripts.recognisers.shapes import Shape, has_rows
from fliptrace.transcripts.recognisers.words import Word, group_words, make_words
from fliptrace.transcripts.source import RawUtterance, Reader, Source


def read_soniox(source: Source) -> Iterator[RawUtterance]:
    """Yield the utterances that the tokens form; translations are left out."""
    words = []
    translated = []
    for rows in rows_of(SHAPE.find(source, "Soniox")["tokens"], "token", source):
        for word, status in zip(_words(rows), rows.values("translation_status"), strict=True):
            if status == "translation":
                translated.append(word.text)
            elif not (word.text.startswith("<") and word.text.endswith(">")):  # control tokens such as <end>
                words.append(word)
    if translated:
        source.leave_out("tokens", "".join(translated), "translations")
    yield from group_words(words, source)


def _words(rows: Rows) -> list[Word]:
    starts, ends = rows.seconds("start_ms", 1000), rows.seconds("end_ms", 1000)
    return make_words(rows.places, rows.texts("text"), rows.names("speaker"), starts, ends, repeat("both"))


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
