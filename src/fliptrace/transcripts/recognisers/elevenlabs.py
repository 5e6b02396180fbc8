"""Reader for the JSON of ElevenLabs Scribe: `words` of type word, spacing or audio_event. Times are seconds.

Blanks are words of type spacing. A file of several channels has a list `transcripts`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fliptrace.transcripts.recognisers.shapes import Shape, first_name, has_rows, object_of, objects_of, text_of
from fliptrace.transcripts.recognisers.words import Word, group_channels
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
        words = objects_of(transcript["words"], "word", source)
        channels[f"Channel {channel}"] = _words(words, f"Channel {channel}, " if len(transcripts) > 1 else "", source)
    return group_channels(channels, source)


def _words(rows: list[dict[str, Any]], channel: str, source: Source) -> list[Word]:
    found = [_word(row, f"word {number}", channel, source) for number, row in enumerate(rows, start=1)]
    if any(word.text[:1].isspace() or word.text[-1:].isspace() for word in found):
        return found
    return [word._replace(joins="") for word in found]  # some clients remove the spacing


def _word(row: Mapping[str, Any], place: str, channel: str, source: Source) -> Word:
    text = text_of(row.get("text"), source, place)
    speaker = first_name(row, "speaker_id")
    if speaker is not None:
        speaker = f"{channel}{speaker}"
    is_cue = row.get("type") == "audio_event"
    if row.get("type") == "spacing":  # its times may span a long pause, so they are not used
        return Word(place, text, speaker, None, None, "both")
    return Word(place, text, speaker, row.get("start"), row.get("end"), "both", is_cue)


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
