"""Finds conversations in files, folders, patterns, and tables that hold many of them. Nothing is read as a transcript.

A table (CSV, TSV, JSONL, Parquet) has one utterance per row, and the rows of a conversation follow each other. It is
read row by row, so that it may be larger than the memory.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from glob import glob, has_magic
from hashlib import sha256
from itertools import groupby
from pathlib import Path

from fliptrace.core.errors import InputError, MissingExtra
from fliptrace.core.files import Json, open_input, read_bytes, read_jsonl
from fliptrace.transcripts.formats import READERS

_TABLES = (".csv", ".tsv", ".jsonl", ".parquet")


@dataclass(frozen=True, slots=True)
class Conversation:
    """The content of one conversation. `id` is its path, and #NAME for one of a table; `name` is that of a file.

    `error` says why there is no content; "" if there is.
    """

    id: str
    path: Path
    name: str
    data: bytes
    error: str = ""

    @property
    def sha256(self) -> str:
        return sha256(self.data).hexdigest()


def find_files(inputs: Sequence[str]) -> list[Path]:
    """The files that are named, in folders (and folders in them), or match a pattern; each once, in order.

    From folders come files with a suffix of transcripts, none that are hidden. InputError for what names no file.
    """
    files = dict.fromkeys(file for name in inputs for file in _files(name))
    return list(files)


def read_conversations(files: Sequence[Path], column: str | None = None) -> Iterator[Conversation]:
    """The conversations in files. `column` names the conversation of each row of a table; without it, files are whole.

    InputError if a table lacks the column, or the rows of a conversation do not follow each other.
    """
    for path in files:
        if column is not None and path.suffix.lower() in _TABLES:
            yield from _split(path, column)
        else:
            yield _whole(path)


def _whole(path: Path) -> Conversation:
    try:
        return Conversation(str(path), path, path.name, read_bytes(path))
    except (InputError, OSError) as error:  # a file among many, which the others need not wait for
        return Conversation(str(path), path, path.name, b"", error=str(error))


def _files(name: str) -> Iterator[Path]:
    path = Path(name)
    if path.is_dir():
        known = {suffix for reader in READERS.values() for suffix in reader.suffixes}
        found = [file for file in sorted(path.rglob("*")) if file.suffix.lower() in known and _is_shown(file, path)]
        expected = "a folder with transcripts"
    elif not path.exists() and has_magic(name):
        matching = sorted(glob(name, recursive=True))  # noqa: PTH207 (Path.glob takes no absolute pattern)
        found = [file for file in map(Path, matching) if file.is_file()]
        expected = "a pattern that some files match"
    else:
        found, expected = [path] if path.exists() else [], "a file, a folder or a pattern"
    if not found:
        raise InputError(name, f"no transcripts; expected {expected}")
    yield from found


def _is_shown(file: Path, folder: Path) -> bool:
    return file.is_file() and not any(part.startswith(".") for part in file.relative_to(folder).parts)


def _split(path: Path, column: str) -> Iterator[Conversation]:
    seen: set[str] = set()
    numbered = enumerate(_rows(path), start=1)
    for name, rows in groupby(numbered, key=lambda row: _name_of(path, row[0], row[1], column)):
        members = list(rows)
        number = members[0][0]
        if name in seen:
            raise InputError(
                f"{path} row {number:,}",
                f"conversation {name!r} again; expected its rows to follow each other: sort them by {column!r}",
            )
        seen.add(name)
        text = json.dumps([row for _, row in members], ensure_ascii=False, default=str)
        yield Conversation(f"{path}#{name}", path, f"{name}.json", text.encode("utf-8", "replace"))


def _name_of(path: Path, number: int, row: Json, column: str) -> str:
    name = row.get(column)
    if name is None or name == "":
        found = ", ".join(map(repr, row)) or "nothing"
        raise InputError(f"{path} row {number:,}", f"no conversation in column {column!r}; the row has columns {found}")
    return str(name)


def _rows(path: Path) -> Iterator[Json]:
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        yield from _parquet_rows(path)
    elif suffix == ".jsonl":
        for row in read_jsonl(path):
            yield row.value
    else:
        with open_input(path) as file:
            lines = io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline="")
            header = lines.readline()
            delimiter = max("\t;,", key=header.count)
            names = next(csv.reader([header], delimiter=delimiter), [])
            try:
                yield from csv.DictReader(lines, names, delimiter=delimiter)
            except csv.Error as error:
                raise InputError(path, f"unreadable table: {error}") from error


def _parquet_rows(path: Path) -> Iterator[Json]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtra(f"{path.name}, a Parquet file", "scale", "pyarrow") from error
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=10_000):
                yield from batch.to_pylist()
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise InputError(path, f"unreadable Parquet file: {error}") from error
