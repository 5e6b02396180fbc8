"""Readers for tables: CSV (fields separated by comma, semicolon, tab or bar) and TSV, with or without a header."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from fliptrace.core.errors import InputError
from fliptrace.transcripts.source import MAX_ROWS, NO_EVIDENCE, Evidence, RawUtterance, Reader, Source
from fliptrace.transcripts.tables.columns import ColumnChooser, Row, has_alias, is_flag, known_roles, names_a_party
from fliptrace.transcripts.tables.dates import read_dates
from fliptrace.transcripts.tables.rows import read_rows
from fliptrace.transcripts.times import CLOCK

_DELIMITERS = (",", ";", "\t", "|")
_LINES_ABOVE = 15  # a title and facts about the call may stand above the header
_RULE = re.compile(r"\s*(?::?-{2,200}:?)?\s*")  # in tables of Markdown
_MAX_COLUMNS = 1_000
_TIME = re.compile(rf"\s*(?:{CLOCK}|\d{{1,8}}(?:[.,]\d{{1,6}})?)\s*")


class _Line(NamedTuple):
    place: str
    cells: list[str]


def read_csv(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per row; the delimiter is the one that gives the lines the same number of fields."""
    return _read(source, _find_delimiter(source, _DELIMITERS))


def read_tsv(source: Source) -> Iterator[RawUtterance]:
    return _read(source, "\t")


def _read(source: Source, delimiter: str) -> Iterator[RawUtterance]:
    try:
        lines = _parse(source, delimiter, csv.QUOTE_MINIMAL)
    except InputError as error:
        # Some tools never quote fields and write quotes in a text unescaped; then quotes are plain characters.
        try:
            lines = _parse(source, delimiter, csv.QUOTE_NONE)
            rows = _rows(lines, delimiter, source, may_join=False)
        except InputError:
            raise error from None
        source.notes.append("quotes are not closed as CSV requires: read as plain characters")
    else:
        rows = _rows(lines, delimiter, source)
    return read_rows(rows.rows, rows.header, source)


class _Table(NamedTuple):
    header: list[str]
    rows: list[Row]


def _parse(source: Source, delimiter: str, quoting: int) -> list[_Line]:
    text, first_line = _without_hint(source.text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting, strict=True)  # type: ignore[arg-type]
    lines: list[_Line] = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                lines.append(_Line(f"line {first_line + reader.line_num}", cells))
            if len(lines) > MAX_ROWS + 1:
                break
    except csv.Error as error:
        raise source.error(f"line {first_line + reader.line_num}", f"not CSV: {error}") from error
    if not lines:
        raise source.error("", "empty; expected a header and rows")
    return lines


def _rows(lines: list[_Line], delimiter: str, source: Source, may_join: bool = True) -> _Table:
    if (width := max(len(line.cells) for line in lines[:1_000])) > _MAX_COLUMNS:
        raise source.error(lines[0].place, f"{width:,} fields; expected at most {_MAX_COLUMNS:,}")
    above = _find_header([line.cells for line in lines[: _LINES_ABOVE + 1]], source)
    for place, cells in lines[:above]:
        source.leave_out(place, delimiter.join(cells), "lines above the header")
    lines = lines[above:]
    if _has_header([line.cells for line in lines[:200]], source):
        header = [cell.strip() for cell in lines[0].cells]
        lines = lines[1:]
    else:
        header = _names_by_content(lines)
        roles = [f"{name} is column {i}" for i, name in enumerate(header, start=1) if not name.startswith("column ")]
        source.notes.append(f"the table has no header: columns by what is in them ({', '.join(roles) or 'none known'})")
    rows: list[Row] = []
    num_joined = 0
    last_is_text = (
        may_join and bool(header) and has_alias(header[-1], "text") and sum(has_alias(n, "text") for n in header) == 1
    )
    for place, cells in lines:
        if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
            if not last_is_text:
                expected = f"expected {len(header)} as in the header (put text that contains {delimiter!r} in quotes)"
                raise source.error(place, f"{len(cells)} fields, {expected}")
            cells = [*cells[: len(header) - 1], delimiter.join(cells[len(header) - 1 :])]
            num_joined += 1
        if len(cells) == len(header) and [cell.strip() for cell in cells] == header:
            source.leave_out(place, delimiter.join(cells), "repeated headers")
            continue
        if all(map(_RULE.fullmatch, cells)) and any(cells):
            source.leave_out(place, delimiter.join(cells), "rules under a header")
            continue
        # If several columns have the same name, the first is used.
        rows.append(Row(place, dict(reversed(list(zip(header, cells, strict=False))))))
    if num_joined:
        source.notes.append(
            f"rows with a text that contains {delimiter!r} without quotes, read to its end: {num_joined:,}"
        )
    return _Table(header, rows)


def _find_header(first: Sequence[Sequence[str]], source: Source) -> int:
    """The number of lines above the header, which names a text and something else; 0 if there is no such line."""
    for number, cells in enumerate(first):
        names = [cell.strip() for cell in cells if cell.strip()]
        if source.columns and all(any(name == column for name in names) for column in source.columns.values()):
            return number
        if len(names) >= 2 and len(known_roles(names) | {"side"} if _names_sides(names) else known_roles(names)) >= 2:
            wide = max(len(names) for names in first[number:])
            return number if number == 0 or len(cells) == wide or "text" in known_roles(names) else 0
    return 0


def _names_sides(names: Sequence[str]) -> bool:
    return sum(map(names_a_party, names)) >= 2


def _has_header(first: Sequence[Sequence[str]], source: Source) -> bool:
    """Whether the first row names the columns, rather than being an utterance."""
    head, *rest = [[cell.strip() for cell in cells] for cells in first]
    if source.columns or not rest:
        return True
    rest = [cells for cells in rest if cells != head]  # tables put one behind the other repeat their header
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


def _names_by_content(lines: Sequence[_Line]) -> list[str]:
    """Names for the columns of a table without a header: times, the speaker, who alternates, and the text."""
    width = max(len(line.cells) for line in lines)
    names = [f"column {number}" for number in range(1, width + 1)]
    rows = [Row(line.place, dict(zip(names, line.cells, strict=False))) for line in lines[:3_000]]
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


def _without_hint(text: str) -> tuple[str, int]:
    """Remove the line "sep=;" that spreadsheets write; also return the number of removed lines."""
    line, _, rest = text.partition("\n")
    return (rest, 1) if line.startswith("sep=") and len(line) <= 5 else (text, 0)


def _find_delimiter(source: Source, delimiters: Sequence[str]) -> str:
    """Return the delimiter that gives the header the most named columns, then known roles, then fields."""

    def worth(delimiter: str) -> tuple[int, int, float, int]:
        lines = _first_lines(source, delimiter)
        header = max(lines[:_LINES_ABOVE], key=lambda cells: len(known_roles(cells)), default=[])
        named = sum(column in header for column in source.columns.values())
        return named, len(known_roles(header)) if len(header) > 1 else 0, _evenness(lines), len(header)

    return max(delimiters, key=worth)


def _evenness(lines: Sequence[Sequence[str]]) -> float:
    """The share of lines with the most frequent number of fields; 0 if that is one."""
    widths = [len(cells) for cells in lines]
    if not widths:
        return 0.0
    common = max(set(widths), key=widths.count)
    return widths.count(common) / len(widths) if common > 1 else 0.0


def _first_lines(source: Source, delimiter: str, number: int = 30) -> list[list[str]]:
    text, _ = _without_hint(source.text[:200_000].lstrip("\n\ufeff "))
    try:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        return [[cell.strip() for cell in cells] for cells in islice(rows, number) if any(map(str.strip, cells))]
    except csv.Error:
        return []


def _sniff(source: Source, delimiters: Sequence[str]) -> Evidence:
    for delimiter in delimiters:
        lines = _first_lines(source, delimiter)
        if not lines:
            continue
        roles = known_roles(lines[0])
        if {"speaker", "text"} <= roles:
            is_even = len(lines) > 1 and _evenness(lines) >= 0.9
            return Evidence(0.8 if is_even else 0.6, "a header that names a speaker and a text")
        names_more = len(roles) > 1 or any(map(is_flag, lines[0]))
        if "text" in roles and names_more and len(lines) > 1 and _evenness(lines) >= 0.9:
            return Evidence(0.5, "a header that names a text, and rows with as many fields")
        if len(lines) > 1 and _evenness(lines) == 1 and delimiter == "\t":
            return Evidence(0.25, "the same number of tabs in every line")
    return NO_EVIDENCE


TSV = Reader(
    "tsv",
    (".tsv", ".tab"),
    lambda source: _sniff(source, "\t"),
    read_tsv,
    title="Table with tabs",
    example="speaker\ttext\nAna\tYou are late.",
    has_columns=True,
)
CSV = Reader(
    "csv",
    (".csv",),
    lambda source: _sniff(source, _DELIMITERS),
    read_csv,
    title="Table with commas, semicolons, tabs or bars",
    example="speaker,text\nAna,You are late.",
    has_columns=True,
)
