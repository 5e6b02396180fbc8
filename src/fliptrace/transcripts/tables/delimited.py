"""Readers for tables: CSV (fields separated by comma, semicolon, tab or bar) and TSV, with or without a header."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from fliptrace.core.errors import InputError
from fliptrace.transcripts.source import MAX_COLUMNS, MAX_ROWS, NO_EVIDENCE, Evidence, RawUtterance, Reader, Source
from fliptrace.transcripts.tables.column import Row
from fliptrace.transcripts.tables.column_names import has_alias, is_flag, known_roles
from fliptrace.transcripts.tables.rows import read_rows
from fliptrace.transcripts.tables.table_header import FRAMES, find_header, has_header, names_by_content
from fliptrace.transcripts.times import CLOCK

_DELIMITERS = (",", ";", "\t", "|")
_LINES_ABOVE = 15  # a title and facts about the call may stand above the header
_RULE = re.compile(r"\s*(?::?-{2,200}:?)?\s*")  # in tables of Markdown
_CLOCK = re.compile(rf"{CLOCK}|{FRAMES}")


class _Line(NamedTuple):
    place: str
    cells: list[str]


class _Table(NamedTuple):
    header: list[str]
    rows: list[Row]


def read_csv(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per row; the delimiter is the one that gives the lines the same number of fields."""
    return _read(source, _find_delimiter(source, _DELIMITERS))


def read_tsv(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per row of a table with tabs."""
    return _read(source, "\t")


def _read(source: Source, delimiter: str) -> Iterator[RawUtterance]:
    try:
        lines = _parse(source, delimiter, csv.QUOTE_MINIMAL)
    except InputError as error:
        # Some tools write fields without quotes, and quotes within a text as they are.
        try:
            lines = _parse(source, delimiter, csv.QUOTE_NONE)
            rows = _rows(lines, delimiter, source, may_join=False)
        except InputError:
            raise error from None
        source.notes.append("quotes are not closed as CSV requires: read as plain characters")
    else:
        rows = _rows(lines, delimiter, source)
    return read_rows(rows.rows, rows.header, source)


def _parse(source: Source, delimiter: str, quoting: int) -> list[_Line]:
    text, first_line = _without_hint(source.text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting, strict=True)  # type: ignore[arg-type]
    lines: list[_Line] = []
    try:
        for cells in reader:
            if cells and (cells[0].strip() or any(cell.strip() for cell in cells)):
                lines.append(_Line(f"line {first_line + reader.line_num}", cells))
            if len(lines) > MAX_ROWS + 1:
                break
    except csv.Error as error:
        raise source.error(f"line {first_line + reader.line_num}", f"not CSV: {error}") from error
    if not lines:
        raise source.error("", "empty; expected a header and rows")
    return lines


def _rows(lines: list[_Line], delimiter: str, source: Source, may_join: bool = True) -> _Table:
    if (width := max(len(line.cells) for line in lines[:1_000])) > MAX_COLUMNS:
        raise source.error(lines[0].place, f"{width:,} fields; expected at most {MAX_COLUMNS:,}")
    above = find_header([line.cells for line in lines[: _LINES_ABOVE + 1]], source)
    for place, cells in lines[:above]:
        source.leave_out(place, delimiter.join(cells), "lines above the header")
    lines = lines[above:]
    if has_header([line.cells for line in lines[:200]], source):
        header = [cell.strip() for cell in lines[0].cells]
        lines = lines[1:]
    else:
        header = names_by_content([line.cells for line in lines])
        roles = [f"{name} is column {i}" for i, name in enumerate(header, start=1) if not name.startswith("column ")]
        source.notes.append(
            f"the table has no header: its columns are named by their content ({', '.join(roles) or 'none known'})"
        )
    texts = [name for name in header if has_alias(name, "text")]
    lines = _joined(lines, header, delimiter, source, may_join=may_join and texts == header[-1:])
    return _Table(header, _named(lines, header, delimiter, source))


def _joined(lines: list[_Line], header: list[str], delimiter: str, source: Source, may_join: bool) -> list[_Line]:
    """Lines with at most the fields of the header. Surplus fields are joined to the last one, which is then a text.

    InputError for surplus fields if `may_join` is false.
    """
    width = len(header)
    fitting: list[_Line] = []
    num_joined = 0
    for place, cells in lines:
        if len(cells) > width and any(cell.strip() for cell in cells[width:]):
            if not may_join:
                expected = f"expected {width} as in the header (put text that contains {delimiter!r} in quotes)"
                raise source.error(place, f"{len(cells)} fields, {expected}")
            cells = [*cells[: width - 1], delimiter.join(cells[width - 1 :])]
            num_joined += 1
        fitting.append(_Line(place, cells))
    if num_joined:
        source.notes.append(
            f"rows whose text contains {delimiter!r} without quotes, read up to the end of the line: {num_joined:,}"
        )
    return fitting


def _named(lines: list[_Line], header: list[str], delimiter: str, source: Source) -> list[Row]:
    """Rows with the names of the columns, without repeated headers and the rules of Markdown tables."""
    is_unique = len(set(header)) == len(header)
    rows: list[Row] = []
    for place, cells in lines:
        if cells[0].strip() == header[0] and [cell.strip() for cell in cells] == header:
            source.leave_out(place, delimiter.join(cells), "repeated headers")
        elif all(map(_RULE.fullmatch, cells)) and any(cells):
            source.leave_out(place, delimiter.join(cells), "rules under a header")
        elif is_unique:
            rows.append(Row(place, dict(zip(header, cells, strict=False))))
        else:  # of several columns with the same name, the first is used
            rows.append(Row(place, dict(reversed(list(zip(header, cells, strict=False))))))
    return rows


def _without_hint(text: str) -> tuple[str, int]:
    """Remove the line "sep=;" that spreadsheets write; also return the number of removed lines."""
    line, _, rest = text.partition("\n")
    return (rest, 1) if line.startswith("sep=") and len(line) <= 5 else (text, 0)


def _find_delimiter(source: Source, delimiters: Sequence[str]) -> str:
    """Return the delimiter whose header has the most columns that the user named.

    If several have as many: the one with more known roles, then with more lines of one width, then with more fields.
    """

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


def _first_lines(source: Source, delimiter: str) -> list[list[str]]:
    text, _ = _without_hint(source.text[:200_000].lstrip("\n\ufeff "))
    try:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        return [[cell.strip() for cell in cells] for cells in islice(rows, 30) if any(map(str.strip, cells))]
    except csv.Error:
        return []


def _sniff(source: Source, delimiters: Sequence[str]) -> Evidence:
    if source.json_or_none is not None:  # the many commas in its first line are no columns
        return NO_EVIDENCE
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
        if _has_times_and_names(lines):
            return Evidence(0.97, "two times and a name that repeats in each line")
        if len(lines) > 1 and _evenness(lines) == 1 and delimiter == "\t":
            return Evidence(0.25, "the same number of tabs in every line")
    return NO_EVIDENCE


def _has_times_and_names(lines: Sequence[Sequence[str]]) -> bool:
    """Whether all lines have two clock times, a short name and a text, and the names repeat."""
    if len(lines) < 3 or _evenness(lines) < 1 or len(lines[0]) < 4:
        return False
    if not all(_CLOCK.fullmatch(cell) for line in lines for cell in line[:2]):
        return False
    names = [line[2].casefold() for line in lines]
    return len(set(names)) < len(names) and all(0 < len(name) <= 60 and len(name.split()) <= 4 for name in names)


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
