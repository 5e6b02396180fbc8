"""The entries of a file of cases or dialogues, one object each: from a JSON list, JSONL, Parquet, or a table.

JSONL and Parquet are what `datasets` writes. A table (CSV, TSV) has one utterance per row and the columns `case_id`,
`speaker`, `utterance`, `emotion` and, if labelled, `trigger`; the rows of a case follow each other. Not here: what an
entry means (efr.py, masac_erc.py), and MELD's tables (meld_erc.py), which hold dialogues.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from fliptrace.core.errors import InputError
from fliptrace.core.files import is_nested_deeply, open_input, read_json, read_jsonl, read_text
from fliptrace.corpora.corpus_file import kind_of
from fliptrace.corpora.findings import FindingLog

# The names of a column, and the list of an entry that it fills. The first name is the documented one.
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "speakers": ("speaker", "speakers"),
    "utterances": ("utterance", "utterances", "text"),
    "emotions": ("emotion", "emotions"),
    "triggers": ("trigger", "triggers", "label"),
}
_CASE_ID = ("case_id", "case", "flip_id")
_PARQUET = b"PAR1"  # https://parquet.apache.org/docs/file-format/


def read_objects(path: Path, log: FindingLog) -> list[Any]:
    """The entries of a file, in order; an empty list if an error was logged."""
    try:
        entries = parquet_entries(path) if is_parquet(path) else text_entries(read_text(path), path, log)
    except InputError as error:
        log.error("", kind_of(error), str(error).removeprefix(f"{error.place}: "))
        return []
    if entries is None:
        return []
    if not isinstance(entries, list):
        log.error("", "not-a-list", f"found {type(entries).__name__}, expected a list of objects")
        return []
    if not entries:
        log.error("", "empty-file", "no entries")
    return entries


def is_parquet(path: Path) -> bool:
    """Whether a file begins as Parquet does; False if it cannot be read."""
    try:
        with open_input(path) as file:
            return file.read(len(_PARQUET)) == _PARQUET
    except InputError:
        return False


def parquet_entries(path: Path) -> list[Any]:
    """The rows of a Parquet file as objects; InputError if it is damaged or pyarrow is not installed."""
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise InputError(path, "a Parquet file, which needs pyarrow; install it, or save the file as JSONL") from error
    try:
        rows: list[Any] = parquet.read_table(path).to_pylist()
    except (OSError, ValueError, RecursionError, pyarrow.ArrowException) as error:
        raise InputError(path, f"unreadable Parquet file: {error}") from error
    if is_nested_deeply(rows):
        raise InputError(path, "rows nested over 100 levels deep")
    return rows


def text_entries(text: str, path: Path, log: FindingLog) -> Any:
    """What a JSON, JSONL or table file holds; None if an error was logged. InputError if it is none of these."""
    if text.lstrip()[:1] not in ("[", "{") and is_case_table(text.partition("\n")[0]):
        return _table_entries(text, log)
    return json_entries(text, path)


def json_entries(text: str, path: Path) -> Any:
    """The value of a JSON file, or the list of the values of its lines; InputError if it is neither."""
    try:
        value = read_json(path)
    except InputError as error:
        # A second value after the first one makes it JSONL. An error within the first is told as one of JSON.
        is_first_whole = isinstance(error.__cause__, json.JSONDecodeError) and error.__cause__.msg == "Extra data"
        if is_first_whole and text.lstrip().startswith("{"):
            return [row.value for row in read_jsonl(path)]
        raise
    return [value] if isinstance(value, dict) and path.suffix == ".jsonl" else value


def is_case_table(header: str) -> bool:
    """Whether the header of a table names the cases and the utterances."""
    columns = _columns_of(header)
    return any(name in columns for name in _CASE_ID) and any(name in columns for name in _COLUMNS["utterances"])


def _table_entries(text: str, log: FindingLog) -> list[Any] | None:
    """The cases of a table, as entries with lists."""
    header = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(header))
    names = [name.strip().casefold() for name in next(reader)]
    places = {of: next((names.index(name) for name in known if name in names), -1) for of, known in _COLUMNS.items()}
    missing = [_COLUMNS[of][0] for of, place in places.items() if place < 0 and of != "triggers"]
    if missing:
        log.error("line 1", "missing-column", f"no column called {', '.join(map(repr, missing))}")
        return None
    case_place = next(names.index(name) for name in _CASE_ID if name in names)
    rows: list[Sequence[str]] = []
    try:
        for row in reader:
            if len(row) == len(names):
                rows.append(row)
            elif any(cell.strip() for cell in row):
                log.error(f"line {reader.line_num}", "short-row", f"{len(row)} fields; expected {len(names)}")
    except csv.Error as error:
        log.error(f"line {reader.line_num}", "not-csv", f"not CSV: {error}")
    entries: list[Any] = []
    seen: set[str] = set()
    for case_id, group in groupby(rows, key=lambda row: row[case_place].strip()):
        members = list(group)
        if case_id in seen:
            log.error(f"case {len(entries)}", "torn-case", f"the rows of case {case_id!r} do not follow each other")
        seen.add(case_id)
        entries.append({of: [row[place] for row in members] for of, place in places.items() if place >= 0})
    return entries


def _columns_of(header: str) -> list[str]:
    cells = next(csv.reader([header], delimiter=_delimiter(header)), [])
    return [cell.strip().casefold() for cell in cells]


def _delimiter(header: str) -> str:
    return max(",;\t", key=header.count)
