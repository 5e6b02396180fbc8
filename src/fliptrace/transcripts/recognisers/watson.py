"""Reader for the JSON of IBM Watson Speech to Text: `results` with timestamps of words, and `speaker_labels`.

A speaker label belongs to the word that starts at the same time. Times are seconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import repeat
from typing import Any

from fliptrace.transcripts.recognisers.fields import rows_of
from fliptrace.transcripts.recognisers.shapes import (
    Shape,
    first_alternative,
    has_rows,
    in_seconds,
    object_of,
    objects_of,
    text_of,
)
from fliptrace.transcripts.recognisers.words import Word, group_words, make_words
from fliptrace.transcripts.source import RawUtterance, Reader, Source


def read_watson(source: Source) -> Iterable[RawUtterance]:
    """The utterances that the labelled words form; without labels, one per result."""
    value = SHAPE.find(source, "Watson")
    speakers: dict[str, str | None] = {}
    for rows in rows_of(value.get("speaker_labels"), "speaker label", source):
        speakers |= zip(map(_key, rows.values("from")), rows.names("speaker"), strict=True)
    words: list[Word] = []
    results = []
    for number, row in enumerate(objects_of(value.get("results"), "result", source), start=1):
        place = f"result {number}"
        best = first_alternative(row)
        text = text_of(best.get("transcript"), source, place)
        if row.get("final") is False:
            source.leave_out(place, text, "interim results")
            continue
        found = _words(best.get("timestamps"), place, speakers)
        words += found or [Word(place, text.strip())]
        start, end = (found[0].start, found[-1].end) if found else (None, None)
        results.append(RawUtterance(place, text, None, start, end))
    return group_words(words, source) if speakers else results


def _words(rows: Any, place: str, speakers: dict[str, str | None]) -> list[Word]:
    timed = [row for row in rows if isinstance(row, list) and len(row) >= 3] if isinstance(rows, list) else []
    texts, starts, ends = [str(row[0]).strip() for row in timed], [row[1] for row in timed], [row[2] for row in timed]
    return make_words(repeat(place), texts, map(speakers.get, map(_key, starts)), starts, ends)


def _key(time: object) -> str:
    """A time by which words and labels are matched: in hundredths of a second."""
    seconds = time if type(time) is float else in_seconds(time, 1)
    return f"{seconds:.2f}" if isinstance(seconds, float) else ""


def _is_watson(value: Any) -> bool:
    results = value.get("results") if isinstance(value, dict) else None
    if not has_rows(results, "alternatives"):
        return False
    best = [first_alternative(row) for row in results[:5] if isinstance(row, dict)]
    has_labels = has_rows(object_of(value).get("speaker_labels"), "from", "speaker")
    return any("transcript" in each for each in best) and (
        has_labels or has_rows(results, "final") or any(isinstance(each.get("timestamps"), list) for each in best)
    )


SHAPE = Shape(_is_watson, "a list `results` with timestamps of words, and `speaker_labels`", 0.92)
READER = Reader(
    "watson",
    (".json",),
    SHAPE.sniff,
    read_watson,
    title="IBM Watson JSON",
    example='{"results": [{"final": true, "alternatives": [{"transcript": "late ", "timestamps": '
    '[["late", 0.1, 0.4]]}]}], "speaker_labels": [{"from": 0.1, "to": 0.4, "speaker": 0}]}',
)
