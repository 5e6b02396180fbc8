"""Reader for the JSON of Vosk: one or more objects with `text` and a `result` of words. Times are seconds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fliptrace.transcripts.recognisers.shapes import (
    first_alternative,
    first_value,
    has_rows,
    object_of,
    objects_of,
    text_of,
    values_of,
)
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source


def read_vosk(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per object; partial results are left out."""
    source.refuse_part("Vosk")
    num_voices = 0
    for place, value in values_of(source):
        row = object_of(value)
        if "partial" in row and "text" not in row:
            if row["partial"]:
                source.leave_out(place, str(row["partial"]), "partial results")
            continue
        best = row if "text" in row else first_alternative(row)
        words = objects_of(best.get("result"), f"{place} word", source)
        start, end = (words[0].get("start"), words[-1].get("end")) if words else (None, None)
        num_voices += "spk" in row
        text = text_of(best.get("text"), source, place)
        if text.strip():  # Vosk writes an object without words at every silence
            yield RawUtterance(place, text, None, start, end)
    if num_voices:
        source.notes.append(f"utterances with a voice vector, which does not name a speaker: {num_voices:,}")


def _is_vosk(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    if set(value) <= {"partial", "partial_result"} and "partial" in value:
        return True
    best = value if "text" in value else first_alternative(value)
    if has_rows(best.get("result"), "word", "start", "end"):
        return True
    return set(value) == {"text"} and isinstance(value["text"], str)


def _sniff(source: Source) -> Evidence:
    value = source.json_or_none
    if isinstance(value, dict):
        fits = _is_vosk(value) and set(value) != {"text"}
    elif isinstance(value, list):
        fits = any(_is_vosk(row) and set(row) != {"text"} for row in value[:10])
    else:
        fits = _is_vosk(first_value(source)) and (
            '"result"' in source.text[:20_000] or '"partial"' in source.text[:20_000]
        )
    return Evidence(0.9, "objects with text and a `result` of words") if fits else NO_EVIDENCE


READER = Reader(
    "vosk",
    (".json", ".jsonl"),
    _sniff,
    read_vosk,
    title="Vosk JSON",
    example='{"result": [{"conf": 1.0, "start": 0.1, "end": 0.4, "word": "late"}], "text": "late"}',
)
