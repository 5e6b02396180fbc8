"""Reader for the JSON of Google Speech-to-Text, versions 1 and 2: `results` with `alternatives` and their words.

With diarization, version 1 repeats all words in the last result, and only these have reliable speakers: they are read
once. Times are text ("1.400s") or objects of seconds and nanos. Field names are in camel case or with underscores.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from fliptrace.transcripts.recognisers.fields import Rows, rows_of
from fliptrace.transcripts.recognisers.shapes import (
    Shape,
    choose_part,
    first_alternative,
    first_name,
    has_rows,
    in_seconds,
    number_of,
    object_of,
    objects_of,
    text_of,
)
from fliptrace.transcripts.recognisers.words import Word, group_channels, group_words, in_one_order, make_words
from fliptrace.transcripts.source import Evidence, RawUtterance, Reader, Source
from fliptrace.transcripts.units import NOTE, TOO_SLOW, Timed, are_milliseconds

_Row = Mapping[str, Any]


class _Result(NamedTuple):
    """One result: its best text, its words, its channel and its end."""

    place: str
    text: str
    words: list[Word]
    channel: str | None
    end: object


def read_google(source: Source) -> Iterable[RawUtterance]:
    """The utterances that the words form; without words, one per result."""
    rows = _rows(source)
    tagged = _in_seconds([_result(row, f"result {number}", source) for number, row in rows], source)
    results = [result._replace(words=[_without_zero(word) for word in result.words]) for result in tagged]
    repeated = _repeated_words(results)
    if repeated:
        said = results[:-1]
        source.notes.append("the last result repeats the words of the others with their speakers: read once")
        words = _tag_texts(said, repeated, source)
        return group_words(words if words is not None else repeated, source)
    if any(word.speaker for result in results for word in result.words):
        results = tagged  # each word is there once and others have a tag, so 0 is a speaker, too
    channels = list(dict.fromkeys(result.channel for result in results if result.channel is not None))
    has_several = len(channels) > 1
    if not any(word.speaker for result in results for word in result.words) and not (
        has_several and all(result.words or not result.text.strip() for result in results)
    ):
        return in_one_order(_by_result(results, has_several), len(channels), source)
    by_channel: dict[str, list[Word]] = {}
    for result in results:
        name = f"Channel {result.channel}" if has_several else ""
        words = result.words or [Word(result.place, result.text.strip())]
        by_channel.setdefault(name, []).extend(words)
    return group_channels(by_channel, source)


def _rows(source: Source) -> list[tuple[int, _Row]]:
    """The results of one file; of a stream of responses, its final results."""
    if _is_stream(source.json_or_none):
        source.refuse_part("a stream of responses")
        found = [row for response in source.json for row in objects_of(_get(response, "results"), "result", source)]
    else:
        files = _files(source.json)
        value = choose_part(files, source) if files else SHAPE.find(source, "Google Speech-to-Text")
        found = objects_of(value["results"], "result", source)
    numbered: list[tuple[int, _Row]] = []
    has_final = any(_get(row, "isFinal", "is_final") is True for row in found)
    for number, row in enumerate(found, start=1):
        is_final = _get(row, "isFinal", "is_final")
        if is_final is False or (has_final and is_final is None):
            text = str(first_alternative(row).get("transcript", ""))
            source.leave_out(f"result {number}", text, "interim results")
        else:
            numbered.append((number, row))
    return numbered


def _files(value: Any) -> list[tuple[str, dict[str, Any]]]:
    """The transcripts of a batch, by the address of their recordings."""
    for wrapper in (value, object_of(value).get("response")):
        results = object_of(object_of(wrapper).get("results"))
        found = []
        for address, result in results.items():
            inline = object_of(_get(object_of(result), "inlineResult", "inline_result"))
            for holder in (object_of(result), inline):
                transcript = object_of(holder.get("transcript"))
                if _is_google(transcript):
                    found.append((address.rpartition("/")[2] or address, transcript))
                    break
        if found:
            return found
    return []


def _result(row: _Row, place: str, source: Source) -> _Result:
    best = first_alternative(row)
    words = [word for rows in rows_of(best.get("words"), f"{place} word", source) for word in _words(rows)]
    text = text_of(best.get("transcript"), source, place)
    channel = first_name(row, "channelTag", "channel_tag")
    end = _time(_get(row, "resultEndTime", "result_end_time", "resultEndOffset", "result_end_offset"))
    return _Result(place, text, words, None if channel == "0" else channel, end)


def _words(rows: Rows) -> list[Word]:
    texts = [text.replace("▁", " ").strip() for text in rows.texts("word")]
    labels = ("speakerLabel", "speaker_label", "speakerTag", "speaker_tag")
    speakers = [first_name(row, *labels) for row in rows.rows]
    starts = _times(rows, "startTime", "start_time", "startOffset", "start_offset")
    ends = _times(rows, "endTime", "end_time", "endOffset", "end_offset")
    # Protocol buffers omit a time of zero.
    starts = [0.0 if start is None and end is not None else start for start, end in zip(starts, ends, strict=True)]
    return make_words(rows.places, texts, speakers, starts, ends)


def _times(rows: Rows, *keys: str) -> list[object]:
    """The times of words, whose key depends on the version that wrote the file; the first word may lack it."""
    key = next((key for key in keys if key in rows.rows[-1]), keys[0])
    return list(map(_time, rows.values(key)))


def _without_zero(word: Word) -> Word:
    """The word without the tag 0, which Google gives to words without an assigned speaker."""
    return word._replace(speaker=None) if word.speaker == "0" else word


def _in_seconds(results: list[_Result], source: Source) -> list[_Result]:
    """The results with the times of their words in seconds; Riva, which has the same fields, writes milliseconds."""
    timed = (Timed(word.start, word.end, word.text) for result in results for word in result.words)
    if not are_milliseconds(timed):
        return results
    source.notes.append(NOTE.format(reason=TOO_SLOW))
    return [
        result._replace(
            words=[
                word._replace(start=in_seconds(word.start, 1000), end=in_seconds(word.end, 1000))
                for word in result.words
            ]
        )
        for result in results
    ]


def _by_result(results: Sequence[_Result], has_channels: bool) -> list[RawUtterance]:
    """One utterance per result. A result without words starts at the end of the result before it."""
    found = []
    last_end: dict[str | None, object] = {}
    for result in results:
        start = result.words[0].start if result.words else last_end.get(result.channel, 0.0)
        end = result.end if result.end is not None else result.words[-1].end if result.words else None
        if not result.words and end is None:
            start = None
        last_end[result.channel] = end
        text = result.text if result.text.strip() else " ".join(word.text for word in result.words)
        speaker = f"Channel {result.channel}" if has_channels and result.channel else None
        found.append(RawUtterance(result.place, text, speaker, start, end))
    return found


def _repeated_words(results: Sequence[_Result]) -> list[Word]:
    """The words of the last result if it repeats all others, else []."""
    if len(results) < 2:
        return []
    last = results[-1]
    if not any(word.speaker for word in last.words):
        return []
    earlier = [word for result in results[:-1] for word in result.words]
    if not last.text.strip():
        return last.words
    start, first = number_of(last.words[0].start), next((number_of(word.start) for word in earlier), None)
    if start is not None and first is not None and abs(start - first) < 0.01 and len(last.words) >= len(earlier):
        return last.words
    return []


def _tag_texts(results: Sequence[_Result], tagged: Sequence[Word], source: Source) -> list[Word] | None:
    """The words of the texts of `results`, with the speakers of `tagged`; None if `tagged` has all the words.

    Some files tag only some of the words. The others belong to the speaker of the word before.
    """
    texts = [word for result in results for word in result.text.split()]
    if len(texts) <= len(tagged):
        return None
    position = 0
    words = []
    for text in texts:
        if position < len(tagged) and tagged[position].text.casefold() == text.casefold():
            words.append(tagged[position])
            position += 1
        else:
            words.append(Word(results[0].place, text))
    if position < len(tagged):
        return None
    source.notes.append(f"words without a speaker or a time in the last result: {len(texts) - len(tagged):,}")
    return words


def _time(value: Any) -> object:
    if isinstance(value, str):
        try:
            return float(value[:-1]) if value.endswith("s") else value
        except ValueError:
            return value
    if isinstance(value, dict):
        seconds, nanos = in_seconds(value.get("seconds", 0), 1), in_seconds(value.get("nanos", 0), 1_000_000_000)
        return seconds + nanos if isinstance(seconds, float) and isinstance(nanos, float) else str(value)
    return value


def _get(row: Any, *keys: str) -> Any:
    if isinstance(row, dict):
        for key in keys:
            if key in row:
                return row[key]
    return None


def _is_google(value: Any) -> bool:
    results = value.get("results") if isinstance(value, dict) else None
    if not has_rows(results, "alternatives") or "speaker_labels" in value:
        return False
    rows = [row for row in results[:5] if isinstance(row, dict)]
    if any("type" in row or "final" in row for row in rows):  # Speechmatics, Watson
        return False
    best = [first_alternative(row) for row in rows]
    return any("transcript" in each or has_rows(each.get("words"), "word") for each in best) and not any(
        "timestamps" in each for each in best
    )


def _is_stream(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 1 and any(_is_google(response) for response in value[:5])


SHAPE = Shape(_is_google, "a list `results` of objects with alternatives that have a transcript or words", 0.9)


def _sniff(source: Source) -> Evidence:
    evidence = SHAPE.sniff(source)
    if not evidence.strength and _is_stream(source.json_or_none):
        return evidence._replace(strength=SHAPE.strength, seen=SHAPE.expected)
    return evidence


READER = Reader(
    "google",
    (".json",),
    _sniff,
    read_google,
    title="Google Speech-to-Text JSON",
    example='{"results": [{"alternatives": [{"transcript": "late", "words": '
    '[{"startTime": "0.100s", "endTime": "0.300s", "word": "late", "speakerTag": 1}]}]}]}',
)
