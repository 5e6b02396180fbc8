"""Reader for sheets of Excel, with openpyxl."""

from __future__ import annotations

import io
from datetime import datetime, time, timedelta
from typing import Any

from fliptrace.core.errors import MissingExtra
from fliptrace.transcripts.documents.blocks import Table, as_csv
from fliptrace.transcripts.documents.office import lines_of
from fliptrace.transcripts.documents.packed import check_archive, part_names
from fliptrace.transcripts.source import MAX_ROWS, NO_EVIDENCE, Evidence, Extracted, Reader, Source
from fliptrace.transcripts.tables.cells import shown
from fliptrace.transcripts.tables.column_names import known_roles

_WORKBOOK = "xl/workbook.xml"
_MAX_COLUMNS = 500


def extract_xlsx(source: Source) -> Extracted:
    """The sheet that the path names after #, or the only one that holds a transcript."""
    try:
        from openpyxl import load_workbook
    except ImportError as error:
        raise MissingExtra(source.name, "documents", "openpyxl") from error
    check_archive(source, "Excel")
    try:
        book = load_workbook(io.BytesIO(source.data), read_only=True, data_only=True)
        sheets = {sheet.title: _rows(sheet) for sheet in book.worksheets}
    except Exception as error:  # openpyxl lets errors of any kind through if a file is damaged
        raise source.error("", f"unreadable Excel file: {type(error).__name__}: {error}") from error
    filled = {title: rows for title, rows in sheets.items() if rows}
    if not filled:
        raise source.error("", "no sheet with rows; expected a table")
    return as_csv(filled[_choose(filled, source)])


def _choose(sheets: dict[str, Table], source: Source) -> str:
    """The name of the sheet to read; InputError if several look like transcripts."""
    if source.part in sheets:
        title, source.part = source.part, None
        return title
    with_text = [title for title, rows in sheets.items() if any("text" in known_roles(row) for row in rows[:15])]
    if len(with_text) > 1 and source.part is None:
        found = f"{len(with_text):,} sheets with a transcript ({shown(with_text, 5)})"
        raise source.error("", f"{found}; expected one: select it with {source.name}#NAME")
    chosen = max(with_text or sheets, key=lambda title: sum(len(cell) for row in sheets[title] for cell in row))
    if len(sheets) > 1:
        others = shown((title for title in sheets if title != chosen), 5)
        source.notes.append(f"sheet {chosen!r} is read; other sheets: {others}")
    return chosen


def _rows(sheet: Any) -> Table:
    """The rows of a sheet up to the last one with content. Blank ones are kept, so that row numbers stay the same."""
    sheet.reset_dimensions()  # what a file states about its size may be wrong
    rows: Table = []
    num_filled = last = 0
    for values in sheet.iter_rows(max_col=_MAX_COLUMNS, values_only=True):
        row = [_cell(value) for value in values]
        while row and not row[-1]:
            row.pop()
        rows.append(row)
        if row:
            num_filled, last = num_filled + 1, len(rows)
        if num_filled > MAX_ROWS + 1 or len(rows) > 10 * MAX_ROWS:
            break
    return rows[:last]


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="milliseconds" if value.microsecond else "seconds")
    if isinstance(value, timedelta):
        return str(value.total_seconds())
    if isinstance(value, time):
        return value.isoformat()
    if isinstance(value, float):
        return repr(round(value, 6))
    return str(value)


def _sniff(source: Source) -> Evidence:
    return Evidence(1.0, f"an archive with {_WORKBOOK}") if _WORKBOOK in part_names(source.data) else NO_EVIDENCE


READER = Reader(
    "xlsx",
    (".xlsx", ".xlsm"),
    _sniff,
    lines_of,
    title="Excel sheet",
    extra="documents",
    has_columns=True,
    is_binary=True,
    extract=extract_xlsx,
)
