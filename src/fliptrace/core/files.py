"""Files that are whole or not there: JSON, JSONL, hashes and manifests. Knows nothing of what is in them."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import IO, Any, NamedTuple

from fliptrace.core.errors import InputError

Json = dict[str, Any]


class Row(NamedTuple):
    """One JSONL row and the line (from 1) it stands on."""

    line: int
    value: Json


def read_text(path: Path) -> str:
    """A file as UTF-8 (with or without a byte order mark); InputError names the byte that is not."""
    try:
        return path.read_bytes().decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise InputError(path, f"byte {error.start} is not UTF-8; save the file as UTF-8") from error
    except FileNotFoundError as error:
        raise InputError(path, "no such file") from error
    except OSError as error:
        raise InputError(path, error.strerror or str(error)) from error


def read_json(path: Path) -> Any:
    """A JSON file; InputError names line and column of what is broken."""
    return _parse(read_text(path), path)


def read_jsonl(path: Path) -> Iterator[Row]:
    """The objects of a JSONL file in order; blank lines are passed over."""
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        value = _parse(line, path, number)
        if not isinstance(value, dict):
            raise InputError(path, f"line {number}: found {type(value).__name__}, expected an object")
        yield Row(number, value)


def rename_key(table: Json, old: str, new: str) -> Json:
    """The table with `old` renamed to `new`, in the same place: files of earlier versions stay readable.

    >>> rename_key({"a": 1, "readings": 2}, "readings", "evaluations")
    {'a': 1, 'evaluations': 2}
    """
    return {new if key == old and new not in table else key: value for key, value in table.items()}


@contextmanager
def open_atomic(path: Path) -> Iterator[IO[bytes]]:
    """Write `path` whole or not at all: to a neighbour, flushed to disk, then renamed over it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    neighbour = _beside(path)
    try:
        with neighbour.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        neighbour.replace(path)
    except BaseException:
        neighbour.unlink(missing_ok=True)
        raise


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A folder that appears whole or not at all: filled beside its place, then put where the old one was."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    neighbour, old = _beside(folder), _beside(folder)
    neighbour.mkdir()
    try:
        yield neighbour
        if folder.exists():
            folder.rename(old)
        neighbour.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    except BaseException:
        shutil.rmtree(neighbour, ignore_errors=True)
        raise


def write_text(path: Path, text: str) -> None:
    with open_atomic(path) as file:
        file.write(_encode(text))


def write_json(path: Path, value: object) -> None:
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def to_line(row: Mapping[str, object]) -> str:
    """A row as one JSONL line, end included; UTF-8 can hold it, whatever is in the row."""
    return _encode(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n").decode()


def write_jsonl(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    with open_atomic(path) as file:
        for row in rows:
            file.write(to_line(row).encode())


def hash_file(path: Path) -> str:
    """sha256 of a file's bytes, in hex."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(path, error.strerror or str(error)) from error


def hash_json(value: object) -> str:
    """sha256 of a JSON value whatever the order of its keys, in hex."""
    return hashlib.sha256(_encode(json.dumps(value, sort_keys=True, ensure_ascii=False))).hexdigest()


def versions(*packages: str) -> dict[str, str]:
    """Versions of Python, of fliptrace and of the named packages, for a manifest; "absent" where not installed."""

    def version(package: str) -> str:
        try:
            return metadata.version(package)
        except metadata.PackageNotFoundError:
            return "absent"

    return {"python": platform.python_version()} | {name: version(name) for name in ("fliptrace", *packages)}


def _parse(text: str, path: Path, first_line: int = 1) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {first_line + error.lineno - 1} column {error.colno}"
        raise InputError(path, f"{place}: not JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits; thousands of nested brackets
        raise InputError(path, f"line {first_line}: not JSON that can be read: {error}") from error


def _encode(text: str) -> bytes:
    """As UTF-8. Half an emoji, which JSON may hold and UTF-8 may not, becomes the escape that JSON has for it."""
    return text.encode(errors="backslashreplace")


def _beside(path: Path) -> Path:
    """A hidden neighbour that does not exist yet."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}")
