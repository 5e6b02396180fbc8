"""Readers for tables with a header: CSV (fields separated by comma, semicolon, tab or bar) and TSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fliptrace.core.errors import InputError
from fliptrace.transcripts.source import MAX_ROWS, NO_EVIDENCE, Evidence, RawUtterance, Reader, Source
from fliptrace.transcripts.tables.rows import Row, known_roles, read_rows

_DELIMITERS = (",", ";", "\t", "|")


class _Table(NamedTuple):
    header: list[str]
    rows: list[Row]


def read_csv(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per row; the delimiter is detected from the header."""
    return _read(source, _find_delimiter(source, _DELIMITERS))


def read_tsv(source: Source) -> Iterator[RawUtterance]:
    return _read(source, "\t")


def _read(source: Source, delimiter: str) -> Iterator[RawUtterance]:
    try:
        table = _parse(source, delimiter, csv.QUOTE_MINIMAL)
    except InputError as error:
        # Some tools never quote fields and write quotes in a text unescaped; then quotes are plain characters.
        try:
            table = _parse(source, delimiter, csv.QUOTE_NONE)
        except InputError:
            raise error from None
        source.notes.append("quotes are not closed as CSV requires: read as plain characters")
    return read_rows(table.rows, table.header, source)


def _parse(source: Source, delimiter: str, quoting: int) -> _Table:
    text, first_line = _without_hint(source.text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting, strict=True)  # type: ignore[arg-type]
    header: list[str] = []
    rows: list[Row] = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            place = f"line {first_line + reader.line_num}"
            if not header:
                header = [cell.strip() for cell in cells]
                continue
            if any(cell.strip() for cell in cells[len(header) :]):
                expected = f"expected {len(header)} as in the header (put text that contains {delimiter!r} in quotes)"
                raise source.error(place, f"{len(cells)} fields, {expected}")
            # If several columns have the same name, the first is used.
            rows.append(Row(place, dict(reversed(list(zip(header, cells, strict=False))))))
            if len(rows) > MAX_ROWS:
                break
    except csv.Error as error:
        raise source.error(f"line {first_line + reader.line_num}", f"not CSV: {error}") from error
    if not header:
        raise source.error("", "empty; expected a header and rows")
    return _Table(header, rows)


def _without_hint(text: str) -> tuple[str, int]:
    """Remove the line "sep=;" that spreadsheets write; also return the number of removed lines."""
    line, _, rest = text.partition("\n")
    return (rest, 1) if line.startswith("sep=") and len(line) <= 5 else (text, 0)


def _find_delimiter(source: Source, delimiters: Sequence[str]) -> str:
    """Return the delimiter that gives the header the most named columns, then known roles, then fields."""

    def worth(delimiter: str) -> tuple[int, int, int]:
        header = _header(source, delimiter)
        return sum(column in header for column in source.columns.values()), len(known_roles(header)), len(header)

    return max(delimiters, key=worth)


def _header(source: Source, delimiter: str) -> list[str]:
    text, _ = _without_hint(source.text)
    try:
        return [cell.strip() for cell in next(csv.reader(io.StringIO(text.lstrip()), delimiter=delimiter), [])]
    except csv.Error:
        return []


def _sniff(source: Source, delimiters: Sequence[str]) -> Evidence:
    if any({"speaker", "text"} <= known_roles(_header(source, delimiter)) for delimiter in delimiters):
        return Evidence(0.6, "a header that names a speaker and a text")
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
