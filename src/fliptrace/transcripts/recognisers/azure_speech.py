"""Reader for the JSON of Azure Speech: batch and fast transcription, and results of conversation transcription.

Times are ticks of 100 nanoseconds, ISO 8601 durations or milliseconds, as the name of the field says. Several channels
are put together in the order of time; without diarization, each is a speaker.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fliptrace.transcripts.recognisers.shapes import (
    Shape,
    choose_part,
    first_alternative,
    first_name,
    first_value,
    from_duration,
    has_rows,
    in_seconds,
    label_with_channel,
    objects_of,
    text_of,
    total,
    values_of,
)
from fliptrace.transcripts.recognisers.words import in_one_order
from fliptrace.transcripts.source import Evidence, RawUtterance, Reader, Source

_Row = Mapping[str, Any]
_TICKS = 10_000_000  # per second
_CHANNEL = ("channel", "Channel", "ChannelNumber")
_SPEAKER = ("speaker", "SpeakerId", "speakerId", "Speaker")


def read_azure(source: Source) -> Iterable[RawUtterance]:
    """The recognised phrases in the order of time."""
    return _in_order(_phrases(source), source)


def _phrases(source: Source) -> list[tuple[str, _Row]]:
    """The phrases with their places."""
    if _is_result(first_value(source)) or _is_result_list(source.json_or_none):
        source.refuse_part("a list of results")
        return [(place, row) for place, row in values_of(source) if isinstance(row, dict)]
    value = SHAPE.find(source)
    if "AudioFileResults" in value:
        files = objects_of(value["AudioFileResults"], "file", source)
        names = [str(file.get("AudioFileName") or number) for number, file in enumerate(files, start=1)]
        file = choose_part(list(zip(names, files, strict=True)), source)
        rows = objects_of(file.get("SegmentResults"), "segment", source)
    else:
        source.refuse_part("Azure Speech")
        rows = objects_of(value.get("recognizedPhrases", value.get("phrases")), "phrase", source)
    return [(f"phrase {number}", row) for number, row in enumerate(rows, start=1)]


def _in_order(phrases: Sequence[tuple[str, _Row]], source: Source) -> list[RawUtterance]:
    channels = {first_name(row, *_CHANNEL) for _, row in phrases} - {None}
    found = []
    for place, row in phrases:
        status = row.get("recognitionStatus", row.get("RecognitionStatus", "Success"))
        text = _text(row, source, place)
        if status not in ("Success", 0, "RecognizedSpeech"):
            source.leave_out(place, text or str(status), "phrases that were not recognised")
            continue
        channel = first_name(row, *_CHANNEL) if len(channels) > 1 else None
        start = _time(row, "offset")
        found.append(RawUtterance(place, text, _speaker(row, channel), start, total(start, _time(row, "duration"))))
    return in_one_order(found, len(channels), source)


def _text(row: _Row, source: Source, place: str) -> str:
    best = first_alternative(row, "nBest") or first_alternative(row, "NBest")
    choices = (
        *(row.get(key) for key in ("text", "Text", "DisplayText")),
        *(best.get(key) for key in ("display", "Display", "displayText", "itn", "ITN", "lexical", "Lexical")),
    )
    return text_of(next((choice for choice in choices if choice), ""), source, place)


def _speaker(row: _Row, channel: str | None) -> str | None:
    speaker = first_name(row, *_SPEAKER)
    if speaker in ("Unknown", "Unidentified", "$ref$"):
        speaker = None
    return label_with_channel(speaker, channel)


def _time(row: _Row, what: str) -> object:
    """The offset or the duration of a phrase in seconds."""
    if row.get(f"{what}InTicks") is not None:
        return in_seconds(row[f"{what}InTicks"], _TICKS)
    if row.get(f"{what}Milliseconds") is not None:
        return in_seconds(row[f"{what}Milliseconds"], 1000)
    if row.get(what.capitalize()) is not None:  # capitalised in results of the SDK
        return in_seconds(row[what.capitalize()], _TICKS)
    value = row.get(what)
    return in_seconds(value, 1000) if isinstance(value, int | float) else from_duration(value)


def _is_azure(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    files = value.get("AudioFileResults")
    if has_rows(value.get("recognizedPhrases"), "nBest") or has_rows(files, "SegmentResults"):
        return True
    phrases = value.get("phrases")
    return has_rows(phrases, "text") and (
        has_rows(phrases, "offsetMilliseconds") or (has_rows(phrases, "offset", "duration"))
    )


def _is_result(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and {"Offset", "Duration"} <= set(value)
        and ({"DisplayText", "NBest", "Text"} & set(value) != set() or "RecognitionStatus" in value)
    )


def _is_result_list(value: Any) -> bool:
    return isinstance(value, list) and any(_is_result(row) for row in value[:5])


def _sniff(source: Source) -> Evidence:
    if _is_result(first_value(source)) or _is_result_list(source.json_or_none):
        return Evidence(0.9, "results with Offset and Duration")
    return SHAPE.sniff(source)


SHAPE = Shape(_is_azure, "`recognizedPhrases` with `nBest`, or `phrases` with text and offset", 0.95)
READER = Reader(
    "azure",
    (".json", ".jsonl"),
    _sniff,
    read_azure,
    title="Azure Speech JSON",
    example='{"recognizedPhrases": [{"channel": 0, "speaker": 1, "offset": "PT0.1S", "duration": "PT2S", '
    '"nBest": [{"display": "You are late."}]}]}',
)
