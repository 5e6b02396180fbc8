"""Reader for the JSON of ElevenLabs Scribe: `words` of type word, spacing or audio_event. Times are seconds.

Blanks are words of type spacing. A file of several channels has a list `transcripts`.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import repeat
from typing import Any

from fliptrace.transcripts.recognisers.fields import Rows, rows_of
from fliptrace.transcripts.recognisers.shapes import Shape, first_name, has_rows, object_of
from fliptrace.transcripts.recognisers.words import Word, group_channels, make_words
from fliptrace.transcripts.source import RawUtterance, Reader, Source


def read_elevenlabs(source: Source) -> Iterable[RawUtterance]:
    """The utterances that the words form."""
    several = object_of(source.json).get("transcripts")
    transcripts = [row for row in several if _is_scribe(row)] if isinstance(several, list) else []
    if transcripts:
        source.refuse_part("ElevenLabs")
    channels = {}
    for number, transcript in enumerate(transcripts or [SHAPE.find(source, "ElevenLabs")]):
        channel = first_name(transcript, "channel_index") or str(number)
        prefix = f"Channel {channel}, " if len(transcripts) > 1 else ""
        parts = rows_of(transcript["words"], "word", source)
        channels[f"Channel {channel}"] = _with_blanks([word for rows in parts for word in _words(rows, prefix)])
    return group_channels(channels, source)


def _words(rows: Rows, prefix: str) -> list[Word]:
    speakers = rows.names("speaker_id")
    if prefix:
        speakers = [None if speaker is None else f"{prefix}{speaker}" for speaker in speakers]
    kinds = rows.values("type")
    # The times of spacing may span a long pause, so they are not used.
    starts, ends = (
        [None if kind == "spacing" else time for kind, time in zip(kinds, rows.values(key), strict=True)]
        for key in ("start", "end")
    )
    cues = [kind == "audio_event" for kind in kinds]
    return make_words(rows.places, rows.texts("text"), speakers, starts, ends, repeat("both"), cues)


def _with_blanks(words: list[Word]) -> list[Word]:
    """Words that are joined by their own blanks; some clients remove the spacing, so that blanks must be added."""
    if any(word.text[:1].isspace() or word.text[-1:].isspace() for word in words):
        return words
    return [word._replace(joins="") for word in words]


def _is_scribe(value: Any) -> bool:
    if not isinstance(value, dict) or not has_rows(value.get("words"), "text", "type"):
        return False
    kinds = [row.get("type") for row in value["words"][:50] if isinstance(row, dict)]
    return all(kind in ("word", "spacing", "audio_event") for kind in kinds)


SHAPE = Shape(_is_scribe, "a list `words` of objects with text and the type word, spacing or audio_event", 0.95)
READER = Reader(
    "elevenlabs",
    (".json",),
    SHAPE.sniff,
    read_elevenlabs,
    title="ElevenLabs Scribe JSON",
    example='{"language_code": "en", "words": '
    '[{"text": "Late", "start": 0.1, "end": 0.4, "type": "word", "speaker_id": "speaker_0"}]}',
)
