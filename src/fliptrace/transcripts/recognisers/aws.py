"""Reader for the JSON of AWS Transcribe: `results` with `items`, which are words and punctuation.

The speaker is named in each item or in `speaker_labels` (matched by time), or else is the channel. Times are seconds
as text. Without any speakers, the sentences of `audio_segments` are the utterances.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fliptrace.transcripts.recognisers.fields import Rows, rows_of
from fliptrace.transcripts.recognisers.shapes import (
    Shape,
    first_alternative,
    first_name,
    has_rows,
    object_of,
    objects_of,
    text_of,
)
from fliptrace.transcripts.recognisers.words import Word, group_channels, make_words
from fliptrace.transcripts.source import RawUtterance, Reader, Source
from fliptrace.transcripts.tables.cells import name_of


def read_aws(source: Source) -> Iterable[RawUtterance]:
    """The utterances that the items form."""
    results = object_of(SHAPE.find(source, "AWS Transcribe").get("results"))
    segments = objects_of(results.get("audio_segments"), "segment", source)
    speakers = _speakers_by_time(results, source)
    channels = _channels_by_time(results, source)
    words: list[Word] = []
    labels: list[str | None] = []
    for rows in rows_of(results.get("items"), "item", source):
        words += _words(rows, speakers)
        labels += rows.names("channel_label")
    by_channel = _by_channel(words, labels, channels)
    is_named = any(word.speaker is not None for word in words)
    if (segments and not is_named and len(by_channel) < 2) or not words:
        return [_segment(row, f"segment {n}", source) for n, row in enumerate(segments, start=1)] or _whole(
            results, source
        )
    return group_channels(by_channel, source)


def _words(rows: Rows, by_time: Mapping[str, str]) -> list[Word]:
    texts = rows.map(first_alternative).texts("content")
    starts, ends = rows.seconds("start_time"), rows.seconds("end_time")
    speakers = rows.names("speaker_label")
    if by_time:
        speakers = [name or by_time.get(_time_key(start)) for name, start in zip(speakers, starts, strict=True)]
    joins = ["previous" if kind == "punctuation" else "" for kind in rows.values("type")]
    return make_words(rows.places, texts, speakers, starts, ends, joins)


def _by_channel(
    words: list[Word], labels: list[str | None], by_time: Mapping[str, str]
) -> Mapping[str, Sequence[Word]]:
    """The words of each channel. Old files do not label punctuation: it belongs to the channel of the word before."""
    if not by_time and not any(labels):
        return {"": words}
    by_channel: dict[str, list[Word]] = {}
    last = ""
    for word, label in zip(words, labels, strict=True):
        last = label or by_time.get(_time_key(word.start)) or (last if word.joins else "")
        by_channel.setdefault(last, []).append(word)
    return by_channel


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
            if name is not None and (time := _time_key(item.get("start_time"))):
                by_time[time] = name
    return by_time


def _channels_by_time(results: Mapping[str, Any], source: Source) -> dict[str, str]:
    by_time = {}
    for channel in objects_of(object_of(results.get("channel_labels")).get("channels"), "channel", source):
        name = first_name(channel, "channel_label")
        for item in objects_of(channel.get("items"), "channel item", source):
            if name is not None and (time := _time_key(item.get("start_time"))):
                by_time[time] = name
    return by_time


def _time_key(time: Any) -> str:
    """The start of an item in milliseconds, by which the lists of a file are matched; "" for punctuation."""
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
