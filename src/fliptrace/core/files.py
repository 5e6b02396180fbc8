"""Atomic reading and writing of text, JSON and JSONL files, plus hashes and versions for manifests.

This module knows nothing about what the files contain.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import IO, Any, NamedTuple

from fliptrace.core.errors import InputError

Json = dict[str, Any]
_UNPRINTABLE = re.compile("[\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")  # JSON itself escapes those below


_MAX_LEVELS = 100  # of JSON; a tokenizer has under ten, and our own files have fewer
_BRACKET = re.compile(r'[\[\]{}]|"(?:[^"\\]|\\.)*+"', re.DOTALL)  # strings as a whole, so as not to look into them


class Row(NamedTuple):
    """One JSONL row and its line number (from 1)."""

    line: int
    value: Json


@contextmanager
def open_input(path: Path) -> Iterator[IO[bytes]]:
    """Open a file to read. InputError if it is missing or not a regular file: a pipe or a device may never end."""
    try:
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise InputError(path, "a pipe, a socket or a device; expected a regular file")
        with path.open("rb") as file:
            yield file
    except FileNotFoundError as error:
        raise InputError(path, "no such file") from error
    except OSError as error:
        raise InputError(path, error.strerror or str(error)) from error
    except ValueError as error:  # a NUL in the path, which is not shown
        if isinstance(error, InputError):
            raise
        raise InputError(repr(str(path)), f"not a path: {error}") from error


def read_bytes(path: Path) -> bytes:
    with open_input(path) as file:
        return file.read()


def read_text(path: Path) -> str:
    """Read a UTF-8 file, with or without a byte order mark; InputError names the first byte that is not UTF-8."""
    try:
        return read_bytes(path).decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise InputError(path, f"byte {error.start} is not UTF-8; save the file as UTF-8") from error


def read_json(path: Path) -> Any:
    """Read a JSON file; InputError names the line and column of a syntax error."""
    return _parse(read_text(path), path)


def read_object(path: Path) -> Json:
    """Read a JSON file that holds an object."""
    value = read_json(path)
    if not isinstance(value, dict):
        raise InputError(path, f"found {type(value).__name__}, expected an object")
    return value


def read_jsonl(path: Path) -> Iterator[Row]:
    """Yield the objects of a JSONL file in order; blank lines are skipped."""
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        value = _parse(line, path, number)
        if not isinstance(value, dict):
            raise InputError(path, f"line {number}: found {type(value).__name__}, expected an object")
        yield Row(number, value)


_NAME = re.compile(r"\w(?:[\w .,=+-]{0,98}[\w+-])?")


def checked_name(name: str) -> str:
    """Return a name that becomes that of a file; ValueError for one that could lead elsewhere, or be no name at all.

    >>> checked_name("chain-k8")
    'chain-k8'
    >>> checked_name("../../x")
    Traceback (most recent call last):
    ValueError: '../../x' cannot be the name of a file; expected at most 100 letters, digits, blanks and .,=+-
    """
    if not _NAME.fullmatch(name):
        shown = name if len(name) <= 100 else f"{name[:100]}..."
        raise ValueError(
            f"{shown!r} cannot be the name of a file; expected at most 100 letters, digits, blanks and .,=+-"
        )
    return name


def inside(folder: Path, name: str) -> Path:
    """Return the path that a file of a folder names; InputError if it leads out of the folder.

    Folders of models and runs are copied around, and may come from strangers.
    """
    path = folder / name
    if "\0" in name or ".." in Path(name).parts or Path(name).is_absolute() or path == folder:
        raise InputError(folder, f"names the file {name[:200]!r}; expected one inside the folder")
    return path


def rename_key(table: Json, old: str, new: str) -> Json:
    """Rename key `old` to `new` in the same position, so that files written by earlier versions stay readable.

    >>> rename_key({"a": 1, "readings": 2}, "readings", "evaluations")
    {'a': 1, 'evaluations': 2}
    """
    return {new if key == old and new not in table else key: value for key, value in table.items()}


@contextmanager
def named_in_errors(path: Path) -> Iterator[None]:
    """Add a path to errors that name none, as those of a full disk, which occur while a file is written."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            error.filename = str(path)
        raise


@contextmanager
def open_atomic(path: Path) -> Iterator[IO[bytes]]:
    """Write `path` atomically: write a temporary file next to it, flush it to disk, then rename it to `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary_path(path)
    try:
        with temporary.open("xb") as file, named_in_errors(path):
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Create or replace `folder` atomically: fill a temporary folder next to it, then rename that to `folder`."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary, old = _temporary_path(folder), _temporary_path(folder)
    temporary.mkdir()
    try:
        yield temporary
        if folder.exists():
            folder.rename(old)
        temporary.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def write_text(path: Path, text: str) -> None:
    with open_atomic(path) as file:
        file.write(_encode(text))


def write_json(path: Path, value: object) -> None:
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def to_json_text(value: object) -> str:
    """Serialise a value as JSON for a terminal or a pipe: whatever it contains is visible and can be encoded."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def to_line(row: Mapping[str, object]) -> str:
    """Serialise a row as one JSONL line, newline included; any text in the row can be encoded as UTF-8."""
    return _encode(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n").decode()


def write_jsonl(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    with open_atomic(path) as file:
        for row in rows:
            file.write(to_line(row).encode())


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hex."""
    with open_input(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def hash_json(value: object) -> str:
    """Return the SHA-256 of a JSON value, in hex; it does not depend on the order of keys."""
    return hashlib.sha256(_encode(json.dumps(value, sort_keys=True, ensure_ascii=False))).hexdigest()


def versions(*packages: str) -> dict[str, str]:
    """Return the versions of Python, fliptrace and the named packages; "absent" for a package that is not installed."""

    def version(package: str) -> str:
        try:
            return metadata.version(package)
        except metadata.PackageNotFoundError:
            return "absent"

    return {"python": platform.python_version()} | {name: version(name) for name in ("fliptrace", *packages)}


def is_nested_deeply(value: Any) -> bool:
    """Whether lists and objects lie in each other more than 100 levels deep, which no code here could descend.

    >>> is_nested_deeply([[{"a": [1]}]])
    False
    """
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(_MAX_LEVELS):
        inner = (each.values() if isinstance(each, dict) else each for each in level)
        level = [child for children in inner for child in children if isinstance(child, (dict, list))]
        if not level:
            return False
    return True


def _parse(text: str, path: Path, first_line: int = 1) -> Any:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {first_line + error.lineno - 1} column {error.colno}"
        raise InputError(path, f"{place}: not JSON: {error.msg}") from error
    except RecursionError:
        raise _nested_deeply(text, path, first_line) from None
    except ValueError as error:  # numbers with thousands of digits
        raise InputError(path, f"line {first_line}: unreadable JSON: {error}") from error
    if is_nested_deeply(value):
        raise _nested_deeply(text, path, first_line)
    return value


def _nested_deeply(text: str, path: Path, first_line: int) -> InputError:
    """The error for a text that is nested too deeply; it names the place of the first bracket too many."""
    depth, start = 0, 0
    for token in _BRACKET.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if depth > _MAX_LEVELS:
            start = token.start()
            break
    line, column = first_line + text.count("\n", 0, start), start - text.rfind("\n", 0, start)
    return InputError(path, f"line {line} column {column}: nested over {_MAX_LEVELS} levels deep")


def _encode(text: str) -> bytes:
    """Encode as UTF-8. A lone surrogate, which JSON allows and UTF-8 does not, becomes its JSON escape."""
    return text.encode(errors="backslashreplace")


def _temporary_path(path: Path) -> Path:
    """A hidden path in the same folder that does not exist yet."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}")
