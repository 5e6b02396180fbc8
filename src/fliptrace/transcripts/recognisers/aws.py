"""Reader for the JSON of AWS Transcribe: `results` with `items`, which are words and punctuation.

The speaker is named in each item or in `speaker_labels` (matched by time), or else is the channel. Times are seconds
as text. Without any speakers, the sentences of `audio_segments` are the utterances.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fliptrace.transcripts.recognisers.shapes import (
    Shape,
    first_alternative,
    first_name,
    has_rows,
    in_seconds,
    object_of,
    objects_of,
    text_of,
)
from fliptrace.transcripts.recognisers.words import Word, group_channels
from fliptrace.transcripts.source import RawUtterance, Reader, Source
from fliptrace.transcripts.tables.cells import name_of


def read_aws(source: Source) -> Iterable[RawUtterance]:
    """The utterances that the items form."""
    results = object_of(SHAPE.find(source, "AWS Transcribe").get("results"))
    items = objects_of(results.get("items"), "item", source)
    segments = objects_of(results.get("audio_segments"), "segment", source)
    speakers = _speakers_by_time(results, source)
    channels = _channels_by_time(results, source)
    by_time = bool(speakers or channels)
    by_channel: dict[str, list[Word]] = {}
    num_named, last_channel = 0, ""
    for number, item in enumerate(items, start=1):
        word = _word(item, f"item {number}", source)
        time = _time_key(item) if by_time else ""
        own = first_name(item, "channel_label") if "channel_label" in item else None
        channel = own or channels.get(time) or ""
        if word.joins and not channel:  # old files do not label punctuation
            channel = last_channel
        if word.speaker is None and time in speakers:
            word = word._replace(speaker=speakers[time])
        num_named += word.speaker is not None
        by_channel.setdefault(channel, []).append(word)
        last_channel = channel
    if (segments and not num_named and len(by_channel) < 2) or not items:
        return [_segment(row, f"segment {n}", source) for n, row in enumerate(segments, start=1)] or _whole(
            results, source
        )
    return group_channels(by_channel, source)


def _word(item: Mapping[str, Any], place: str, source: Source) -> Word:
    content = text_of(first_alternative(item).get("content"), source, place)
    joins = "previous" if item.get("type") == "punctuation" else ""
    start, end = in_seconds(item.get("start_time"), 1), in_seconds(item.get("end_time"), 1)
    return Word(place, content, first_name(item, "speaker_label"), start, end, joins)


def _segment(row: Mapping[str, Any], place: str, source: Source) -> RawUtterance:
    speaker = first_name(row, "speaker_label", "channel_label")
    text = text_of(row.get("transcript"), source, place)
    return RawUtterance(place, text, speaker, row.get("start_time"), row.get("end_time"))


def _whole(results: Mapping[str, Any], source: Source) -> list[RawUtterance]:
    rows = objects_of(results.get("transcripts"), "transcript", source)
    return [
        RawUtterance(f"transcript {n}", text_of(row.get("transcript"), source, f"transcript {n}"))
        for n, row in enumerate(rows, start=1)
    ]


def _speakers_by_time(results: Mapping[str, Any], source: Source) -> dict[str, str]:
    labels = object_of(results.get("speaker_labels"))
    by_time = {}
    for segment in objects_of(labels.get("segments"), "speaker segment", source):
        for item in objects_of(segment.get("items"), "speaker item", source):
            name = first_name(item, "speaker_label") or name_of(segment.get("speaker_label"))
            if name is not None and (time := _time_key(item)):
                by_time[time] = name
    return by_time


def _channels_by_time(results: Mapping[str, Any], source: Source) -> dict[str, str]:
    by_time = {}
    for channel in objects_of(object_of(results.get("channel_labels")).get("channels"), "channel", source):
        for item in objects_of(channel.get("items"), "channel item", source):
            if (name := first_name(channel, "channel_label")) is not None and (time := _time_key(item)):
                by_time[time] = name
    return by_time


def _time_key(item: Mapping[str, Any]) -> str:
    """The start of an item in milliseconds, by which the lists of a file are matched; "" for punctuation."""
    time = item.get("start_time")
    if not time:
        return ""
    try:
        return str(round(float(time) * 1000))
    except (TypeError, ValueError, OverflowError):
        return ""


def _is_aws(value: Any) -> bool:
    results = value.get("results") if isinstance(value, dict) else None
    if not isinstance(results, dict):
        return False
    items = results.get("items")
    has_items = has_rows(items, "alternatives") and any(
        "content" in first_alternative(item) for item in items[:3] if isinstance(item, dict)
    )
    return (
        has_items
        or has_rows(results.get("audio_segments"), "transcript")
        or has_rows(results.get("transcripts"), "transcript")
    )


SHAPE = Shape(_is_aws, "an object `results` with `items` that have alternatives with `content`", 0.95)
READER = Reader(
    "aws",
    (".json",),
    SHAPE.sniff,
    read_aws,
    title="AWS Transcribe JSON",
    example='{"results": {"items": [{"type": "pronunciation", "start_time": "0.1", "end_time": "0.3", '
    '"speaker_label": "spk_0", "alternatives": [{"content": "Late"}]}]}}',
)
