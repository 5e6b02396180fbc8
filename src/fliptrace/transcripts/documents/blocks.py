"""The text of a document as lines, or as a table if that is what it holds."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fliptrace.transcripts.source import Extracted, Source

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

Table = list[list[str]]
_TIME = re.compile(r"[\[(]?\d{1,3}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?[\])]?")

# Elements of Word and of OpenDocument, without their namespaces.
_PARAGRAPHS = frozenset(("p", "h"))
_SKIPPED = frozenset(
    ("Fallback", "delText", "instrText", "annotation", "note", "tracked-changes", "forms", "sequence-decls")
)
_BREAKS = {"br": "\n", "cr": "\n", "line-break": "\n", "tab": "\t", "noBreakHyphen": "-"}
_MAX_REPEATED = 50  # columns; OpenDocument repeats a blank one up to the edge of the sheet, hundreds of times


def as_text(blocks: Sequence[str | Table], source: Source) -> Extracted:
    """Lines of text; or CSV, if the words are in tables with a row for each utterance."""
    tables = [block for block in blocks if isinstance(block, list)]
    lines = [block for block in blocks if isinstance(block, str)]
    in_tables = sum(len(cell) for table in tables for row in table for cell in row)
    widest = max(map(_width, tables), default=0)
    if widest > 1 and in_tables > sum(map(len, lines)):
        kept = [table for table in tables if _width(table) == widest and (len(table) > 1 or len(tables) == 1)] or tables
        for number, table in enumerate(tables, start=1):
            if all(table is not each for each in kept):
                source.leave_out(f"table {number}", " | ".join(map(" ".join, table)), "tables of another form")
        for line in lines:
            if line.strip():
                source.leave_out("paragraph", line, "paragraphs beside the table")
        return as_csv([row for table in kept for row in table])
    text: list[str] = []
    for block in blocks:
        text += [block] if isinstance(block, str) else [_line(row) for row in block]
    return Extracted("\n".join(text), ".txt")


def as_csv(rows: Table) -> Extracted:
    """A table as CSV, one line per row, so that line numbers in notes are those of rows."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([" ".join(cell.split()) for cell in row] or [""] for row in rows)
    return Extracted(out.getvalue(), ".csv")


def _width(table: Table) -> int:
    """The most filled cells in a row."""
    return max((sum(bool(cell.strip()) for cell in row) for row in table), default=0)


def _line(row: list[str]) -> str:
    """A row of a small table as a line: `Ana: words`, with a time before it if there is one."""
    cells = [" ".join(cell.split()) for cell in row]
    cells = [cell for cell in cells if cell]
    times = [cell for cell in cells if _TIME.fullmatch(cell)]
    others = [cell for cell in cells if cell not in times]
    if len(others) == 2 and len(others[0].split()) <= 5:
        others = [f"{others[0].rstrip(':')}: {others[1]}"]
    return "  ".join([*times[:1], *others])


def blocks_of(root: Element) -> list[str | Table]:
    """The paragraphs and tables of a Word or OpenDocument file, in order."""
    blocks: list[str | Table] = []
    stack = [root]
    while stack:
        here = stack.pop()
        kind = _local(here)
        if kind in _SKIPPED:
            continue
        if kind in _PARAGRAPHS:
            blocks.append(_text(here))
        elif kind in ("tbl", "table"):
            blocks.append(_table(here))
        else:
            stack += reversed(here)
    return blocks


def _table(table: Element) -> Table:
    rows: Table = []
    for row in table.iter():
        if _local(row) not in ("tr", "table-row"):
            continue
        cells: list[str] = []
        for cell in row:
            if _local(cell) not in ("tc", "table-cell", "covered-table-cell", "sdt"):
                continue
            text = "\n".join(block if isinstance(block, str) else "" for block in blocks_of(cell))
            times = next((v for k, v in cell.attrib.items() if k.endswith("}number-columns-repeated")), "1")
            repeat = int(times) if times.isdecimal() and len(times) < 6 else 1
            cells += [text] * (repeat if repeat <= _MAX_REPEATED else 1)
        if any(map(str.strip, cells)):
            rows.append(cells)
    return rows


def _text(paragraph: Element) -> str:
    """The text of a paragraph. Word keeps it in `t` elements, OpenDocument in all."""
    in_word = "wordprocessingml" in str(paragraph.tag)
    parts: list[str] = []
    stack: list[Element | str] = [paragraph]
    while stack:
        here = stack.pop()
        if isinstance(here, str):
            parts.append(here)
            continue
        kind = _local(here)
        if kind in _SKIPPED:
            continue
        if kind in _PARAGRAPHS and here is not paragraph:  # in a text box
            parts.append("\n")
        if kind in _BREAKS:
            parts.append(_BREAKS[kind])
        if kind == "s":  # blanks of OpenDocument
            parts.append(" ")
        if here.text and (kind == "t" or not in_word):
            parts.append(here.text)
        for each in reversed(here):
            if each.tail and not in_word:
                stack.append(each.tail)
            stack.append(each)
    return "".join(parts)


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
