"""Reader for the JSON of Amberscript: `segments` with speaker and words, and `speakers`. Times are seconds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from typing import Any

from fliptrace.transcripts.recognisers.fields import rows_at
from fliptrace.transcripts.recognisers.shapes import Shape, first_name, has_rows, names_by_id, objects_of
from fliptrace.transcripts.recognisers.words import group_words, make_words
from fliptrace.transcripts.source import RawUtterance, Reader, Source


def read_amberscript(source: Source) -> Iterator[RawUtterance]:
    """Yield the utterances that the words of each segment form."""
    value = SHAPE.find(source, "a transcript of Amberscript")
    names = names_by_id(value.get("speakers"), "spkid", "name")
    for number, row in enumerate(objects_of(value["segments"], "segment", source), start=1):
        place = f"segment {number}"
        speaker = first_name(row, "speaker")
        speaker = names.get(speaker or "", speaker)
        words = rows_at(place, row.get("words"), "word", source)
        texts = [text.strip() for text in words.texts("text")]
        timed = make_words(words.places, texts, repeat(speaker), words.values("start"), words.values("end"))
        yield from group_words(timed, source)


def _is_amberscript(value: Any) -> bool:
    segments = value.get("segments") if isinstance(value, dict) else None
    if not has_rows(segments, "speaker", "words") or has_rows(segments, "text"):
        return False
    return any(isinstance(row, dict) and has_rows(row.get("words"), "text", "start") for row in segments[:5])


SHAPE = Shape(_is_amberscript, "a list `segments` of objects with a speaker and words, but no text", 0.9)
READER = Reader(
    "amberscript",
    (".json",),
    SHAPE.sniff,
    read_amberscript,
    title="Amberscript JSON",
    example='{"speakers": [{"spkid": "s1", "name": "Ana"}], "segments": '
    '[{"speaker": "s1", "words": [{"text": "Late.", "start": 0.1, "end": 0.4}]}]}',
)
