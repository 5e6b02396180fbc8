"""Reader for the JSON of Otter's web service: `speech` with `transcripts` and `speakers`.

Offsets are samples of 16 kHz audio.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fliptrace.transcripts.recognisers.shapes import (
    Shape,
    first_name,
    has_rows,
    in_seconds,
    names_by_id,
    objects_of,
    text_of,
)
from fliptrace.transcripts.source import RawUtterance, Reader, Source

_SAMPLES_PER_SECOND = 16_000


def read_otter(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per transcript, as Otter calls its paragraphs."""
    value = SHAPE.find(source, "a transcript of Otter")
    names = {
        **names_by_id(value.get("speakers"), "id", "speaker_name", "name"),
        **names_by_id(value.get("speakers"), "speaker_id", "speaker_name", "name"),
    }
    for number, row in enumerate(objects_of(value["transcripts"], "transcript", source), start=1):
        place = f"transcript {number}"
        label = first_name(row, "speaker_model_label", "label")
        if label is not None and label.isdecimal():
            label = f"Speaker {label}"
        speaker = first_name(row, "speaker_name") or names.get(first_name(row, "speaker_id") or "") or label
        start, end = (in_seconds(row.get(key), _SAMPLES_PER_SECOND) for key in ("start_offset", "end_offset"))
        yield RawUtterance(place, text_of(row.get("transcript"), source, place), speaker, start, end)


def _is_otter(value: Any) -> bool:
    return isinstance(value, dict) and has_rows(value.get("transcripts"), "transcript", "start_offset")


SHAPE = Shape(_is_otter, "a list `transcripts` of objects with transcript and start_offset", 0.95)
READER = Reader(
    "otter-json",
    (".json",),
    SHAPE.sniff,
    read_otter,
    title="Otter JSON",
    example='{"speech": {"speakers": [{"speaker_id": 7, "speaker_name": "Ana"}], "transcripts": '
    '[{"transcript": "You are late.", "start_offset": 16000, "end_offset": 32000, "speaker_id": 7}]}}',
)
