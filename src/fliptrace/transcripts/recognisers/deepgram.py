"""Reader for the JSON of Deepgram: `results` with `channels`, and perhaps `utterances`. Times are seconds.

Utterances are read if there are any, else the paragraphs, else the words. If there are several channels, each is a
speaker.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fliptrace.transcripts.recognisers.shapes import (
    Shape,
    first_alternative,
    first_name,
    first_value,
    has_rows,
    label_with_channel,
    object_of,
    objects_of,
    text_of,
    values_of,
)
from fliptrace.transcripts.recognisers.turns import split_by_words
from fliptrace.transcripts.recognisers.words import Word, group_channels, in_one_order
from fliptrace.transcripts.source import Evidence, RawUtterance, Reader, Source

_Row = Mapping[str, Any]


def read_deepgram(source: Source) -> Iterable[RawUtterance]:
    """The utterances of the file in the order of time."""
    if _is_message(first_value(source)) or _is_message_list(source.json_or_none):
        source.refuse_part("a live transcription")
        return _live(source)
    results = SHAPE.find(source, "Deepgram")["results"]
    utterances = objects_of(results.get("utterances"), "utterance", source)
    if utterances:
        return _utterances(utterances, source)
    channels = objects_of(results.get("channels"), "channel", source)
    best = [first_alternative(channel) for channel in channels]
    has_several = sum(bool(each.get("words") or each.get("transcript")) for each in best) > 1
    paragraphs = [objects_of(_paragraphs(each), "paragraph", source) for each in best]
    if _have_all(paragraphs, best):
        found = [_paragraph(row, number, has_several, source) for number, rows in enumerate(paragraphs) for row in rows]
        return in_one_order(found, len(channels) if has_several else 1, source)
    by_channel = {}
    for number, each in enumerate(best):
        words = objects_of(each.get("words"), "word", source)
        by_channel[f"Channel {number}"] = [
            _word(row, f"word {n}", number if has_several else None, source) for n, row in enumerate(words, start=1)
        ]
    if not any(by_channel.values()):
        texts = [text_of(each.get("transcript"), source, "transcript") for each in best]
        return [
            RawUtterance(f"channel {n}", text, f"Channel {n}" if has_several else None) for n, text in enumerate(texts)
        ]
    return group_channels({name: words for name, words in by_channel.items() if words}, source)


def _have_all(paragraphs: list[list[dict[str, Any]]], alternatives: list[dict[str, Any]]) -> bool:
    """Whether every channel with words has paragraphs, and these have speakers if the words do."""
    if not any(paragraphs):
        return False
    for rows, alternative in zip(paragraphs, alternatives, strict=True):
        words = alternative.get("words")
        if words and not rows:
            return False
        if has_rows(words, "speaker") and not has_rows(rows, "speaker"):
            return False
    return True


def _utterances(rows: list[dict[str, Any]], source: Source) -> Iterable[RawUtterance]:
    channels = {row.get("channel") for row in rows if isinstance(row.get("channel"), int)}
    found: list[RawUtterance] = []
    for number, row in enumerate(rows, start=1):
        channel = row.get("channel") if len(channels) > 1 else None
        place = f"utterance {number}"
        text = text_of(row.get("transcript", row.get("text")), source, place)
        utterance = RawUtterance(place, text, _speaker(row, channel), row.get("start"), row.get("end"))
        words = [_word(word, place, channel, source) for word in objects_of(row.get("words"), f"{place} word", source)]
        found += split_by_words(utterance, words)
    return in_one_order(found, len(channels), source)


def _paragraph(row: _Row, channel: int, has_several: bool, source: Source) -> RawUtterance:
    sentences = objects_of(row.get("sentences"), "sentence", source)
    text = " ".join(text_of(sentence.get("text"), source, "sentence") for sentence in sentences)
    start = row.get("start", sentences[0].get("start") if sentences else None)
    end = row.get("end", sentences[-1].get("end") if sentences else None)
    return RawUtterance(f"paragraph at {start} s", text, _speaker(row, channel if has_several else None), start, end)


def _word(row: _Row, place: str, channel: object, source: Source) -> Word:
    text = text_of(row.get("punctuated_word", row.get("word")), source, place).strip()
    return Word(place, text, _speaker(row, channel), row.get("start"), row.get("end"))


def _speaker(row: _Row, channel: object) -> str | None:
    return label_with_channel(first_name(row, "speaker"), channel)


def _paragraphs(alternative: _Row) -> Any:
    return object_of(alternative.get("paragraphs")).get("paragraphs")


def _live(source: Source) -> Iterator[RawUtterance]:
    """The words of the messages of a live transcription; interim results are left out."""
    words = []
    for place, message in values_of(source):
        message = object_of(message)
        if message.get("type", "Results") != "Results" or not isinstance(message.get("channel"), dict):
            source.leave_out(place, str(message.get("type", "")), "messages without speech")
            continue
        best = first_alternative(message["channel"])
        if not message.get("is_final", True):
            source.leave_out(place, str(best.get("transcript", "")), "interim results")
            continue
        words += [_word(row, place, None, source) for row in objects_of(best.get("words"), f"{place} word", source)]
    yield from group_channels({"": words}, source)


def _is_deepgram(value: Any) -> bool:
    results = value.get("results") if isinstance(value, dict) else None
    if not isinstance(results, dict):
        return False
    channels, utterances = results.get("channels"), results.get("utterances")
    has_channels = has_rows(channels, "alternatives") and any(
        {"transcript", "words"} & set(first_alternative(row)) for row in channels[:3] if isinstance(row, dict)
    )
    return has_channels or has_rows(utterances, "transcript", "start")


def _is_message(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("channel"), dict)
        and has_rows(value["channel"].get("alternatives"), "transcript")
    )


def _is_message_list(value: Any) -> bool:
    return isinstance(value, list) and any(_is_message(each) for each in value[:5])


def _sniff(source: Source) -> Evidence:
    if _is_message(first_value(source)) or _is_message_list(source.json_or_none):
        return Evidence(0.9, "messages with a channel of alternatives")
    return SHAPE.sniff(source)


SHAPE = Shape(_is_deepgram, "an object `results` with `channels` or `utterances` that have a transcript", 0.95)
READER = Reader(
    "deepgram",
    (".json", ".jsonl"),
    _sniff,
    read_deepgram,
    title="Deepgram JSON",
    example='{"results": {"utterances": [{"start": 0.1, "end": 0.5, "transcript": "You are late.", "speaker": 0}]}}',
)
