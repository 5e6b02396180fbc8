"""The header of a delimited table: where it is, whether there is one, and names by content if there is none."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fliptrace.transcripts.source import Source
from fliptrace.transcripts.tables.column import SAMPLE, Row
from fliptrace.transcripts.tables.column_names import has_alias, known_roles, party_of
from fliptrace.transcripts.tables.columns import ColumnChooser
from fliptrace.transcripts.tables.dates import read_dates
from fliptrace.transcripts.times import CLOCK

FRAMES = r"\d{1,2}:\d{2}:\d{2}[:;]\d{2}"
_TIME = re.compile(rf"\s*(?:{CLOCK}|{FRAMES}|\d{{1,8}}(?:[.,]\d{{1,6}})?)\s*")


def find_header(first: Sequence[Sequence[str]], source: Source) -> int:
    """The number of lines above the header: the first line that names two roles; 0 if there is none."""
    for number, cells in enumerate(first):
        names = [cell.strip() for cell in cells if cell.strip()]
        if source.columns and set(source.columns.values()) <= set(names):
            return number
        roles = known_roles(names)
        if len(names) >= 2 and len(roles) + _names_sides(names) >= 2:
            width = max(map(len, first[number:]))
            return number if number == 0 or len(cells) == width or "text" in roles else 0
    return 0


def _names_sides(names: Sequence[str]) -> bool:
    """Whether two names or more are those of sides, as in tables with one column per speaker."""
    return sum(party_of(name) is not None for name in names) >= 2


def has_header(first: Sequence[Sequence[str]], source: Source) -> bool:
    """Whether the first row names the columns, rather than being an utterance."""
    head, *rest = [[cell.strip() for cell in cells] for cells in first]
    if source.columns or not rest:
        return True
    rest = [cells for cells in rest if cells != head]  # joined tables repeat their header
    for name, column in zip(head, zip(*(row + [""] * len(head) for row in rest), strict=False), strict=False):
        # The name of a column seldom stands in it; the name of a speaker does.
        if name and not has_alias(name, "text") and name in column and not name.isdecimal():
            return False
    names = [name for name in head if name]
    if len(known_roles(names)) >= 2 or any(has_alias(name, "text") for name in names) or _names_sides(names):
        return True
    if any((_TIME.fullmatch(name) and not name.isdecimal()) or _is_date(name) for name in names):
        return False
    lengths = [len(cell.split()) for cell in head]
    longest = max(lengths)
    sentence = any(len(cell.split()) >= 2 and cell[-1] in '.?!…。？！।"”' for cell in head if cell)
    return not (longest > 4 or sentence or (head[0].isdecimal() and rest and rest[0][0].isdecimal()))


def _is_date(text: str) -> bool:
    return any(letter.isdigit() for letter in text) and read_dates([text], "") is not None


def names_by_content(lines: Sequence[Sequence[str]]) -> list[str]:
    """Names for the columns of a table without a header: times, the speaker, who alternates, and the text."""
    width = max(map(len, lines))
    names = [f"column {number}" for number in range(1, width + 1)]
    rows = [Row("", dict(zip(names, cells, strict=False))) for cells in lines[:SAMPLE]]
    chooser = ColumnChooser(rows, names, Source("", ""))
    columns = [chooser.column(name) for name in names]
    times = [c.name for c in columns if c.filled and (all(map(_TIME.fullmatch, c.filled)) or read_dates(c.filled, ""))]
    steady = [name for name in times if not _counts_up_by_one(chooser.column(name).filled)]
    fractions = [name for name in steady if any(not cell.isdecimal() for cell in chooser.column(name).filled)]
    called = dict(zip(fractions, ("start", "end"), strict=False))
    rest = [column for column in columns if column.name not in called and column.filled]
    worded = [column for column in rest if column.num_letters]
    text = max(worded, key=lambda column: (column.num_words, column.num_letters), default=None)
    if text is not None:
        called[text.name] = "text"
    others = [column for column in rest if column is not text and not _counts_up_by_one(column.filled)]
    repeating = [column for column in others if len(column.counts) < len(column.filled) or len(column.filled) <= 3]
    # Names that alternate; of several such columns, the first with letters.
    speaker = min(repeating, key=lambda c: (not c.alternates, not c.num_letters), default=None)
    if speaker is not None:
        called[speaker.name] = "speaker"
    return [called.get(name, name) for name in names]


def _counts_up_by_one(cells: Sequence[str]) -> bool:
    if not cells or not all(cell.isdecimal() and len(cell) < 10 for cell in cells):
        return False
    return [int(cell) for cell in cells] == list(range(int(cells[0]), int(cells[0]) + len(cells)))
