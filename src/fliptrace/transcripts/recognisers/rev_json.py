"""Reader for the JSON of Rev and Rev AI: `monologues` with a speaker and `elements`, blanks included.

Times are seconds (Rev AI) or clock times (Rev).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat

from fliptrace.transcripts.recognisers.fields import Rows, rows_at
from fliptrace.transcripts.recognisers.shapes import (
    Shape,
    first_name,
    has_rows,
    names_by_id,
    object_of,
    objects_of,
)
from fliptrace.transcripts.recognisers.words import Word, group_words, make_words
from fliptrace.transcripts.source import RawUtterance, Reader, Source
from fliptrace.transcripts.tables.cells import name_of


def read_rev(source: Source) -> Iterator[RawUtterance]:
    """Yield the utterances of each monologue."""
    value = SHAPE.find(source, "Rev")
    names = names_by_id(value.get("speakers"), "id", "name", "display_name")
    for number, row in enumerate(objects_of(value["monologues"], "monologue", source), start=1):
        place = f"monologue {number}"
        information = object_of(row.get("speaker_info"))
        label = name_of(row.get("speaker")) or name_of(information.get("id"))
        speaker = (
            first_name(row, "speaker_name", "name")
            or first_name(information, "display_name", "name")
            or names.get(label or "", label)
        )
        yield from group_words(_words(rows_at(place, row.get("elements"), "element", source), speaker), source)


def _words(rows: Rows, speaker: str | None) -> list[Word]:
    texts = rows.texts("value")
    starts = [row.get("ts", row.get("timestamp")) for row in rows.rows]
    ends = [row.get("end_ts", row.get("end_timestamp")) for row in rows.rows]
    cues = [
        kind in ("unknown", "atmospheric") or (text.startswith("<") and text.endswith(">"))
        for kind, text in zip(rows.values("type"), texts, strict=True)
    ]
    return make_words(rows.places, texts, repeat(speaker), starts, ends, repeat("both"), cues)


SHAPE = Shape(
    lambda value: isinstance(value, dict) and has_rows(value.get("monologues"), "elements"),
    "a list `monologues` of objects with `elements`",
    0.95,
)
READER = Reader(
    "rev-json",
    (".json",),
    SHAPE.sniff,
    read_rev,
    title="Rev and Rev AI JSON",
    example='{"monologues": [{"speaker": 0, "elements": [{"type": "text", "value": "Late", "ts": 0.1, "end_ts": 0.4}, '
    '{"type": "punct", "value": "."}]}]}',
    has_cues=True,
)
