"""Reader for the JSON transcripts of Podcasting 2.0: `segments` with startTime, endTime, body and speaker.

Times are seconds. Segments may be single words, and may name a speaker only where the speaker changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fliptrace.transcripts.recognisers.shapes import (
    Shape,
    carry_speakers,
    first_name,
    has_rows,
    objects_of,
    text_of,
)
from fliptrace.transcripts.recognisers.words import Word, group_words
from fliptrace.transcripts.source import RawUtterance, Reader, Source


def read_podcast(source: Source) -> Iterable[RawUtterance]:
    """One utterance per segment, or the utterances that words form."""
    rows = objects_of(SHAPE.find(source, "a podcast transcript")["segments"], "segment", source)
    segments = [_segment(row, f"segment {number}", source) for number, row in enumerate(rows, start=1)]
    found = list(carry_speakers(segments, source))
    if sum(len(each.text.split()) <= 1 for each in found) <= 0.8 * len(found):
        return found
    words = [Word(each.place, each.text.strip(), each.speaker, each.start, each.end) for each in found]
    return group_words(words, source)


def _segment(row: Mapping[str, Any], place: str, source: Source) -> RawUtterance:
    text = text_of(row.get("body"), source, place)
    return RawUtterance(place, text, first_name(row, "speaker"), row.get("startTime"), row.get("endTime"))


SHAPE = Shape(
    lambda value: isinstance(value, dict) and has_rows(value.get("segments"), "startTime", "body"),
    "a list `segments` of objects with startTime and body",
    0.95,
)
READER = Reader(
    "podcast-json",
    (".json",),
    SHAPE.sniff,
    read_podcast,
    title="Podcasting 2.0 JSON",
    example='{"version": "1.0.0", "segments": '
    '[{"speaker": "Ana", "startTime": 0.5, "endTime": 2.0, "body": "You are late."}]}',
)
