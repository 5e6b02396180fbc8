"""The order of the rows of a dialogue: by dates, numbers, replies or start times, whichever the file has first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from fliptrace.transcripts.source import Source, count
from fliptrace.transcripts.tables.cells import cell_of
from fliptrace.transcripts.tables.column import Row
from fliptrace.transcripts.tables.columns import ColumnChooser
from fliptrace.transcripts.tables.layout import Layout
from fliptrace.transcripts.tables.row_times import Times
from fliptrace.transcripts.times import read_time


def order_of_rows(
    rows: Sequence[Row], found: Sequence[str], layout: Layout, times: Times, source: Source
) -> Sequence[int]:
    """The rows in the order of their dates, numbers, replies or starts, whichever the file has first."""
    as_given = range(len(rows))
    if times.dates:
        return _sorted_by(_filled_up(times.dates), "dates", source)
    numbers = [] if layout.order is None else [_whole(row.values.get(layout.order)) for row in rows]
    if numbers and all(number is not None for number in numbers):
        if len(set(numbers)) > 0.5 * len(numbers):
            return _sorted_by(numbers, f"numbers in column {layout.order!r}", source)
        return as_given
    answered = _by_replies(rows, found, source)
    if answered is not None:
        return answered
    starts = [_number_or_none(start) for start in times.starts]
    if starts and all(start is not None for start in starts):
        return _sorted_by(starts, "start times", source)
    return as_given


def _sorted_by(keys: Sequence[object], what: str, source: Source) -> Sequence[int]:
    """Positions sorted by keys, which are of one type; a note if that changes the order."""
    back = sum(before > after for before, after in pairwise(keys))  # type: ignore[operator]
    if not back:
        return range(len(keys))
    source.notes.append(f"rows were not in the order of their {what} ({count(back, 'step')} back): put in order")
    # If the newest row comes first, rows of the same minute are in reverse order too.
    ahead = sum(before < after for before, after in pairwise(keys))  # type: ignore[operator]
    given = range(len(keys) - 1, -1, -1) if back > ahead else range(len(keys))
    return sorted(given, key=lambda i: keys[i])  # type: ignore[arg-type, return-value]


def _filled_up(dates: Sequence[datetime | None]) -> list[datetime]:
    """Dates in which a missing one is that of the row before it."""
    last = min(date for date in dates if date is not None)
    filled = []
    for date in dates:
        last = date or last
        filled.append(last)
    return filled


def _by_replies(rows: Sequence[Row], found: Sequence[str], source: Source) -> Sequence[int] | None:
    """The rows with every reply behind the row it answers, if replies link them; None if nothing has to move."""
    links = ColumnChooser(rows, found, source).reply()
    if links is None:
        return None
    positions = {cell_of(row.values.get(links[0])): i for i, row in enumerate(rows)}
    parents = [positions.get(cell_of(row.values.get(links[1]))) for row in rows]
    linked = sum(parent is not None for parent in parents)
    early = sum(parent is not None and parent > i for i, parent in enumerate(parents))
    if linked < 0.5 * (len(rows) - 1) or not early:
        return None
    source.notes.append(f"rows came before the row that they answer ({early:,}): put in order")
    if all(parent is None or parent > i for i, parent in enumerate(parents)):
        return range(len(rows) - 1, -1, -1)
    depths: dict[int, int] = {}
    for start in range(len(rows)):
        path: list[int] = []
        here = start
        while here not in depths and here not in path[-1:]:  # a row may answer itself
            path.append(here)
            parent = parents[here]
            if parent is None or len(path) > len(rows):  # the first row of a thread, or replies in a circle
                depths[here] = 0
                break
            here = parent
        for position in reversed(path):
            parent = parents[position]
            depths.setdefault(position, 0 if parent is None else depths.get(parent, 0) + 1)
    return sorted(range(len(rows)), key=lambda i: depths[i])


def _whole(value: object) -> int | None:
    text = cell_of(value)
    return int(text) if re.fullmatch(r"\d{1,15}", text) else None


def _number_or_none(value: object) -> float | None:
    try:
        return read_time(value)
    except ValueError:
        return None
