"""Reader for the JSON of Speechmatics: `results` of type word or punctuation. Times are seconds.

The first alternative names the speaker; "UU" means unknown. Channels without diarization are speakers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fliptrace.transcripts.recognisers.shapes import (
    Shape,
    first_alternative,
    first_name,
    has_rows,
    object_of,
    objects_of,
    text_of,
)
from fliptrace.transcripts.recognisers.words import Word, group_channels
from fliptrace.transcripts.source import RawUtterance, Reader, Source

_MARKERS = ("speaker_change", "channel_change", "end_of_sentence")


def read_speechmatics(source: Source) -> Iterable[RawUtterance]:
    """The utterances that the results form."""
    value = SHAPE.find(source, "Speechmatics")
    language = object_of(object_of(value.get("metadata")).get("language_pack_info"))
    has_blanks = language.get("word_delimiter", " ") != ""
    channels: dict[str, list[Word]] = {}
    for number, row in enumerate(objects_of(value["results"], "result", source), start=1):
        if row.get("type") in _MARKERS:
            continue
        word = _word(row, f"result {number}", has_blanks, source)
        channels.setdefault(first_name(row, "channel") or "", []).append(word)
    return group_channels(channels or {"": []}, source)


def _word(row: Mapping[str, Any], place: str, has_blanks: bool, source: Source) -> Word:
    best = first_alternative(row)
    text = text_of(best.get("content"), source, place)
    speaker = first_name(best, "speaker") or first_name(row, "speaker")
    attaches = row.get("attaches_to")
    joins = attaches if attaches in ("previous", "next", "both") else ""
    if not joins and row.get("type") == "punctuation" and row.get("attaches_to") != "none":
        joins = "previous"
    if not has_blanks:
        joins = "both"
    return Word(place, text, None if speaker == "UU" else speaker, row.get("start_time"), row.get("end_time"), joins)


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
