"""An overview of many dialogues as tables: CSV for spreadsheets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from fliptrace.analysis.overview import CountedPart, Overview
from fliptrace.analysis.tables import csv_text

OverviewTable = Literal["conversations", "quarters", "speakers", "flips", "triggers"]

_COUNTED = ("num_utterances", "num_flips", "flips_per_100", "flip_from", "flip_to", "flip_num")  # of a CountedPart
# The first columns. Those of tables with counted parts are followed by _COUNTED and a share of each emotion.
_COLUMNS: Mapping[OverviewTable, tuple[str, ...]] = {
    "conversations": ("id", "name", "created_at", "num_corrections", "num_speakers", "speakers"),
    "quarters": ("quarter",),
    "speakers": (
        "name",
        "num_conversations",
        "own_triggers",
        "others_triggers",
        "triggers_of_others",
        "num_untriggered",
        "num_unknown",
    ),
    "flips": ("flip_from", "flip_to", "num"),
    "triggers": ("trigger_speaker", "flip_speaker", "is_oneself", "num"),
}


def overview_csv(overview: Overview, table: OverviewTable) -> str:
    """Return a table of an overview as CSV, with a row for each of its parts, or for each kind of flip."""
    columns = _COLUMNS[table]
    if table == "flips":
        return csv_text(columns, _flips(overview))
    if table == "triggers":
        return csv_text(columns, ([getattr(part, name) for name in columns] for part in overview.triggers))
    labels = [emotion.label for emotion in overview.emotions]
    parts: Mapping[str, Sequence[CountedPart]] = {
        "conversations": overview.conversations,
        "quarters": overview.quarters,
        "speakers": overview.speakers,
    }
    names = (*columns, *_COUNTED, *(f"share_{label}" for label in labels))
    return csv_text(names, (_row(part, columns, labels) for part in parts[table]))


def _flips(overview: Overview) -> Iterator[tuple[str, str, int]]:
    """The kinds of flips that occur, most frequent first."""
    labels, counts = overview.flips.labels, overview.flips.counts
    found = [
        (before, after, num)
        for before, row in zip(labels, counts, strict=True)
        for after, num in zip(labels, row, strict=True)
        if num
    ]
    yield from sorted(found, key=lambda flip: -flip[2])


def _row(part: CountedPart, columns: Sequence[str], labels: Sequence[str]) -> list[object]:
    own = (getattr(part, name) for name in columns)
    top = part.top_flip
    return [
        *("; ".join(value) if isinstance(value, tuple) else value for value in own),
        *(part.num_utterances, part.num_flips, part.flips_per_100),
        *((None, None, None) if top is None else (top.before, top.after, top.num)),
        *(part.emotion_shares[label] for label in labels),
    ]
