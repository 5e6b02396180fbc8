"""Reading tables of cues: CSV with a header, row by row, so that a table of every video frame fits in memory."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fliptrace.core.errors import InputError
from fliptrace.core.files import open_input

_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A table whose header has been read; its names are stripped. `rows` can be gone through once."""

    path: Path
    header: tuple[str, ...]
    rows: Iterator[list[str]]

    def column(self, *names: str) -> int | None:
        """The place of the first of these columns that there is."""
        return next((self.header.index(name) for name in names if name in self.header), None)


@contextmanager
def open_table(path: Path) -> Iterator[CsvTable]:
    """Open a table; InputError if it is empty, not UTF-8, not CSV or has a column twice."""
    with open_input(path) as file, io.TextIOWrapper(file, "utf-8-sig", newline="") as text:
        try:
            header = text.readline()
            delimiter = max(_DELIMITERS, key=header.count)
            names = tuple(name.strip() for name in next(csv.reader([header], delimiter=delimiter), []))
            if not any(names):
                raise InputError(path, "empty; expected a header and rows")
            if twice := [name for name in names if name and names.count(name) > 1]:
                raise InputError(path, f"has two columns {twice[0]!r}; expected each once")
            yield CsvTable(path, names, _rows(text, delimiter, len(names), path))
        except UnicodeDecodeError as error:
            raise InputError(path, f"byte {error.start} is not UTF-8; expected a CSV file in UTF-8") from error
        except csv.Error as error:
            raise InputError(path, f"not CSV: {error}") from error


def _rows(text: io.TextIOWrapper, delimiter: str, width: int, path: Path) -> Iterator[list[str]]:
    reader = csv.reader(text, delimiter=delimiter, skipinitialspace=True)
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != width:
            line = reader.line_num + 1
            raise InputError(path, f"line {line}: {len(cells)} cells; expected {width}, as in the header")
        yield [cell.strip() for cell in cells]


def number(cell: str) -> float | None:
    """The finite number in a cell, None if there is none.

    >>> number("0.5"), number("nan"), number("smiles")
    (0.5, None, None)
    """
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None
