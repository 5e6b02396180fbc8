"""Reader for the JSON of OpenAI's transcriptions: `diarized_json` segments, words without segments, or only a text.

`verbose_json` with segments is what Whisper writes. Times are seconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fliptrace.transcripts.recognisers.shapes import Shape, first_name, has_rows, objects_of, text_of
from fliptrace.transcripts.recognisers.words import Word, group_words
from fliptrace.transcripts.source import Evidence, RawUtterance, Reader, Source


def read_openai(source: Source) -> Iterable[RawUtterance]:
    """The segments, or the utterances that the words form, or the text."""
    value = source.json if _is_text_alone(source.json) else SHAPE.find(source, "a transcription of OpenAI")
    found = []
    for number, row in enumerate(objects_of(value.get("segments"), "segment", source), start=1):
        place = f"segment {number}"
        text = text_of(row.get("text"), source, place)
        found.append(RawUtterance(place, text, first_name(row, "speaker"), row.get("start"), row.get("end")))
    if found:
        return found
    text = text_of(value.get("text"), source, "text")
    words = []
    for number, row in enumerate(objects_of(value.get("words"), "word", source), start=1):
        place = f"word {number}"
        said = text_of(row.get("word"), source, place).strip()
        words.append(Word(place, said, first_name(row, "speaker"), row.get("start"), row.get("end")))
    if words:
        return group_words(_with_marks(words, text), source)
    return [RawUtterance("text", text)]


def _with_marks(words: list[Word], text: str) -> list[Word]:
    """The words with the punctuation of the text, which the words lack; unchanged if the text has other words."""
    found, position = [], 0
    starts = []
    for word in words:
        begin = text.find(word.text, position)
        if begin < 0 or begin - position > 20:
            return words
        starts.append(begin)
        position = begin + len(word.text)
    for word, begin, end in zip(words, starts, [*starts[1:], len(text)], strict=True):
        found.append(word._replace(text=text[begin:end], joins="both"))
    return found


def _is_openai(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("text"), str):
        return False
    segments = value.get("segments")
    if segments:
        rows = segments[:5] if isinstance(segments, list) else []
        return any(isinstance(row, dict) and row.get("type") == "transcript.text.segment" for row in rows)
    has_words = has_rows(value.get("words"), "word", "start", "end")
    return has_words and ("duration" in value or value.get("task") in ("transcribe", "translate"))


def _is_text_alone(value: Any) -> bool:
    """Whether the whole file is `{"text": ...}`. Deeper in a file, such an object may be one of many utterances."""
    known = {"text", "segments", "words", "usage", "logprobs", "language", "task", "duration", "x_groq"}
    if not isinstance(value, dict) or not isinstance(value.get("text"), str) or not set(value) <= known:
        return False
    return not value.get("segments") and not value.get("words")


def _sniff(source: Source) -> Evidence:
    if _is_text_alone(source.json_or_none):
        return Evidence(SHAPE.strength, "a `text` and nothing else")
    return SHAPE.sniff(source)


SHAPE = Shape(_is_openai, "a `text` with segments or words", 0.85)
READER = Reader(
    "openai",
    (".json",),
    _sniff,
    read_openai,
    title="OpenAI transcription JSON",
    example='{"text": "You are late.", "segments": '
    '[{"type": "transcript.text.segment", "start": 0.1, "end": 2.0, "text": "You are late.", "speaker": "A"}]}',
)
