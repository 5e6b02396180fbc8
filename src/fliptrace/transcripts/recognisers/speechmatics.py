"""Reader for the JSON of Speechmatics: `results` of type word or punctuation. Times are seconds.

The first alternative names the speaker; "UU" means unknown. Channels without diarization are speakers.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import repeat
from typing import Any

from fliptrace.transcripts.recognisers.fields import Rows, rows_of
from fliptrace.transcripts.recognisers.shapes import (
    Shape,
    first_alternative,
    has_rows,
    object_of,
)
from fliptrace.transcripts.recognisers.words import Word, group_channels, make_words
from fliptrace.transcripts.source import RawUtterance, Reader, Source

_MARKERS = ("speaker_change", "channel_change", "end_of_sentence")


def read_speechmatics(source: Source) -> Iterable[RawUtterance]:
    """The utterances that the results form."""
    value = SHAPE.find(source, "Speechmatics")
    language = object_of(object_of(value.get("metadata")).get("language_pack_info"))
    has_blanks = language.get("word_delimiter", " ") != ""
    channels: dict[str, list[Word]] = {}
    for rows in rows_of(value["results"], "result", source):
        words = _words(rows, has_blanks)
        for word, kind, channel in zip(words, rows.values("type"), rows.names("channel"), strict=True):
            if kind not in _MARKERS:
                channels.setdefault(channel or "", []).append(word)
    return group_channels(channels or {"": []}, source)


def _words(rows: Rows, has_blanks: bool) -> list[Word]:
    best = rows.map(first_alternative)
    named = zip(best.names("speaker"), rows.names("speaker"), strict=True)
    speakers = [None if (name := own or outer) == "UU" else name for own, outer in named]
    starts, ends = rows.values("start_time"), rows.values("end_time")
    joins: Iterable[str] = repeat("both")
    if has_blanks:
        joins = list(map(_joins, rows.values("attaches_to"), rows.values("type")))
    return make_words(rows.places, best.texts("content"), speakers, starts, ends, joins)


def _joins(attaches_to: Any, kind: Any) -> str:
    if attaches_to in ("previous", "next", "both"):
        return str(attaches_to)
    return "previous" if kind == "punctuation" and attaches_to != "none" else ""


def _is_speechmatics(value: Any) -> bool:
    results = value.get("results") if isinstance(value, dict) else None
    if not has_rows(results, "type", "alternatives", "start_time"):
        return False
    return any("content" in first_alternative(row) for row in results[:5] if isinstance(row, dict))


SHAPE = Shape(_is_speechmatics, "a list `results` of objects with type, start_time and alternatives", 0.95)
READER = Reader(
    "speechmatics",
    (".json",),
    SHAPE.sniff,
    read_speechmatics,
    title="Speechmatics JSON",
    example='{"results": [{"type": "word", "start_time": 0.1, "end_time": 0.4, '
    '"alternatives": [{"content": "Late", "speaker": "S1"}]}]}',
)
