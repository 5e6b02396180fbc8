"""Reader for the JSON of diarization tools: NVIDIA NeMo (`sentences`, `words`) and pyannote (turns and words).

Times are seconds. A file that says only who spoke when is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fliptrace.transcripts.recognisers.shapes import Shape, first_name, has_rows, objects_of, text_of
from fliptrace.transcripts.recognisers.words import Word, group_words
from fliptrace.transcripts.source import RawUtterance, Reader, Source

_Row = Mapping[str, Any]
_TURNS = ("turnLevelTranscription", "turn_level_transcription", "sentences")
_WORDS = ("wordLevelTranscription", "word_level_transcription", "words")
_SPANS = ("diarization", "exclusiveDiarization")


def read_diarization(source: Source) -> Iterable[RawUtterance]:
    """The turns of the file, or the utterances that its words form."""
    value = SHAPE.find(source, "a diarized transcript")
    for key in _TURNS:
        if rows := objects_of(value.get(key), "turn", source):
            words = [_word(row, f"turn {number}", source) for number, row in enumerate(rows, start=1)]
            return [RawUtterance(word.place, word.text, word.speaker, word.start, word.end) for word in words]
    for key in _WORDS:
        if rows := objects_of(value.get(key), "word", source):
            return group_words([_word(row, f"word {n}", source) for n, row in enumerate(rows, start=1)], source)
    raise source.error("", "this file says who spoke when, but not what; expected a transcript with words")


def _word(row: _Row, place: str, source: Source) -> Word:
    text = next((row[key] for key in ("text", "sentence", "word") if row.get(key) is not None), "")
    start, end = row.get("start", row.get("start_time")), row.get("end", row.get("end_time"))
    return Word(place, text_of(text, source, place).strip(), first_name(row, "speaker"), start, end)


def _is_diarization(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    if any(has_rows(value.get(key), "speaker", "start") for key in (*_TURNS[:2], *_WORDS[:2], *_SPANS)):
        return True
    is_nemo = "transcription" in value or "session_id" in value or "speaker_count" in value
    return is_nemo and (
        has_rows(value.get("sentences"), "sentence", "speaker") or has_rows(value.get("words"), "word", "speaker")
    )


SHAPE = Shape(_is_diarization, "`turnLevelTranscription`, or `sentences` and `words` with their speaker", 0.95)
READER = Reader(
    "diarization",
    (".json",),
    SHAPE.sniff,
    read_diarization,
    title="NVIDIA NeMo and pyannote JSON",
    example='{"turnLevelTranscription": [{"speaker": "SPEAKER_00", "start": 0.1, "end": 2.0, "text": "Late."}]}',
)
