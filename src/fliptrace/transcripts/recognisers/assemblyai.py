"""Reader for the JSON of AssemblyAI: `utterances`, or else sentences, paragraphs or words. Times are milliseconds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from fliptrace.transcripts.recognisers.shapes import (
    Shape,
    first_name,
    has_rows,
    in_seconds,
    objects_of,
    text_of,
)
from fliptrace.transcripts.recognisers.words import Word, group_channels, in_one_order
from fliptrace.transcripts.source import RawUtterance, Reader, Source

_Row = Mapping[str, Any]
_LISTS = ("utterances", "sentences", "paragraphs", "words")
# Fields that only AssemblyAI's transcripts have, or that few others have.
_MARKS = frozenset(
    (
        *("audio_duration", "audio_url", "language_model", "acoustic_model", "speech_model", "speech_models"),
        *("speaker_labels", "dual_channel", "multichannel", "format_text", "webhook_url", "auto_highlights"),
        *("language_confidence", "audio_channels", "disfluencies", "summary_type"),
    )
)


def read_assemblyai(source: Source) -> Iterable[RawUtterance]:
    """The utterances of the file."""
    value = SHAPE.find(source, "AssemblyAI")
    if isinstance(value, list):
        return _utterances(objects_of(value, "utterance", source), source)
    if value.get("status") == "error":
        raise source.error("", f"the transcription failed: {str(value.get('error'))[:200]}; expected a transcript")
    for key in _LISTS[:-1]:
        if rows := objects_of(value.get(key), key[:-1], source):
            return _utterances(rows, source)
    channels: dict[str, list[Word]] = {}
    for number, row in enumerate(objects_of(value.get("words"), "word", source), start=1):
        channel = first_name(row, "channel")
        channels.setdefault(f"Channel {channel}" if channel else "", []).append(_word(row, f"word {number}", source))
    if channels:
        return group_channels(channels, source)
    return [RawUtterance("text", text_of(value.get("text"), source, "text"))]


def _utterances(rows: list[dict[str, Any]], source: Source) -> Iterable[RawUtterance]:
    found = []
    for number, row in enumerate(rows, start=1):
        place = f"utterance {number}"
        speaker = first_name(row, "speaker")
        channel = first_name(row, "channel")
        if speaker is None and channel is not None:
            speaker = f"Channel {channel}"
        start, end = (in_seconds(row.get(key), 1000) for key in ("start", "end"))
        found.append(RawUtterance(place, text_of(row.get("text"), source, place), speaker, start, end))
    channels = {first_name(row, "channel") for row in rows} - {None}
    return in_one_order(found, len(channels), source)


def _word(row: _Row, place: str, source: Source) -> Word:
    start, end = in_seconds(row.get("start"), 1000), in_seconds(row.get("end"), 1000)
    return Word(place, text_of(row.get("text"), source, place).strip(), first_name(row, "speaker"), start, end)


def _is_assemblyai(value: Any) -> bool:
    if isinstance(value, list):
        return _has_whole_times(value) and (_has_timed_words(value) or _has_letters(value))
    if not isinstance(value, dict):
        return False
    lists = [value[key] for key in _LISTS if has_rows(value.get(key), "text", "start", "end")]
    has_mark = bool(_MARKS & set(value)) or {"id", "status"} <= set(value)
    if not lists:
        return {"audio_url", "status"} <= set(value) and ("text" in value or "error" in value)
    return _has_whole_times(lists[0]) and (has_mark or _has_timed_words(lists[0]) or _has_letters(lists[0]))


def _has_timed_words(rows: list[Any]) -> bool:
    """Whether the rows have words in whole milliseconds whose text is called `text`; other tools call it `word`."""
    words = [row.get("words") for row in rows[:5] if isinstance(row, dict)]
    return any(has_rows(each, "text", "start", "end") and _has_whole_times(each) for each in words)


def _has_letters(rows: list[Any]) -> bool:
    """Whether the speakers of rows with a confidence are single letters."""
    speakers = [row.get("speaker") for row in rows[:20] if isinstance(row, dict) and "confidence" in row]
    return bool(speakers) and all(isinstance(name, str) and re.fullmatch("[A-Z]", name) for name in speakers)


def _has_whole_times(rows: list[Any]) -> bool:
    times = [row.get(key) for row in rows[:20] if isinstance(row, dict) for key in ("start", "end")]
    return bool(times) and all(isinstance(time, int) for time in times)


SHAPE = Shape(_is_assemblyai, "`utterances` or `words` with text, start and end in whole milliseconds", 0.95)
READER = Reader(
    "assemblyai",
    (".json",),
    SHAPE.sniff,
    read_assemblyai,
    title="AssemblyAI JSON",
    example='{"id": "x", "status": "completed", "utterances": '
    '[{"speaker": "A", "text": "You are late.", "start": 250, "end": 2100}]}',
)
