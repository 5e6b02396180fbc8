"""Reader for WhisperX and Whisper JSON: an object with `segments` that have text, start, end and perhaps a speaker.

Each segment is an utterance. If a segment has no speaker but its words do, it gets the most frequent speaker of its
words; in a tie, the earliest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source
from fliptrace.transcripts.tables.rows import name_of, text_of


def read_whisperx(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per segment."""
    source.refuse_part("WhisperX")
    segments = source.json.get("segments") if isinstance(source.json, dict) else None
    if not isinstance(segments, list):
        raise source.error("", "expected an object with a list called 'segments'")
    num_by_words = 0
    for number, segment in enumerate(segments, start=1):
        place = f"segment {number}"
        if not isinstance(segment, dict):
            raise source.error(place, f"found {type(segment).__name__}, expected an object")
        speaker = name_of(segment.get("speaker"))
        if speaker is None:
            speaker = _speaker_of_words(segment.get("words"))
            num_by_words += speaker is not None
        text = text_of(segment.get("text"), source, place)
        yield RawUtterance(place, text, speaker, segment.get("start"), segment.get("end"))
    if num_by_words:
        source.notes.append(f"segments whose speaker is the most frequent one of their words: {num_by_words:,}")


def _speaker_of_words(words: object) -> str | None:
    if not isinstance(words, list):
        return None
    names = [name_of(word.get("speaker")) for word in words if isinstance(word, dict)]
    heard = Counter(name for name in names if name is not None)
    return heard.most_common(1)[0][0] if heard else None


def _sniff(source: Source) -> Evidence:
    value = source.json_or_none
    segments = value.get("segments") if isinstance(value, dict) else None
    first = segments[0] if isinstance(segments, list) and segments else None
    if not isinstance(first, dict) or not {"text", "start", "end"} <= set(first):
        return NO_EVIDENCE
    return Evidence(0.8, "a list `segments` of objects with text, start and end")


READER = Reader("whisperx", (".json",), _sniff, read_whisperx, title="Whisper and WhisperX JSON")
