"""A file of hosted replies, each written before the next is requested, so that a killed run never pays for one twice.

The file is JSONL. Rows hold hashes of requests, not their text: {"key", "number", "reply"}. A stored reply survives a
kill of the process; those stored before the last `sync` survive a power failure. A row cut short by a kill is skipped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import NamedTuple

from fliptrace.core.files import Json, named_in_errors, read_bytes, rename_key, to_line
from fliptrace.core.messages import Completion


class Place(NamedTuple):
    """The identity of a reply: the hash of model, messages and parameters, and the number of the sample."""

    key: str
    number: int


class _KnownReply(NamedTuple):
    place: Place
    reply: Completion


class _KnownCapabilities(NamedTuple):
    key: str
    capabilities: Json


class AnswerStore:
    """Replies by place. With `path` None they are kept in memory only."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._replies: dict[Place, Completion] = {}
        self._capabilities: dict[str, Json] = {}
        self._is_synced = True
        if path is not None and path.exists():
            self._read(path)

    def __contains__(self, place: object) -> bool:
        return place in self._replies

    def __getitem__(self, place: Place) -> Completion:
        return self._replies[place]

    def __len__(self) -> int:
        return len(self._replies)

    def capabilities(self, key: str) -> Json | None:
        """Return the stored capabilities of a server; None where it was not probed yet."""
        return self._capabilities.get(key)

    def put_capabilities(self, key: str, capabilities: Json) -> None:
        self._capabilities[key] = capabilities
        self._write([{"capabilities_of": key, "capabilities": capabilities}])

    def put(self, replies: Sequence[tuple[Place, Completion]]) -> None:
        """Store replies. They are in the file on return, so that no kill of the process can lose them."""
        self._replies.update(replies)
        self._write([{"key": place.key, "number": place.number, "reply": _to_json(reply)} for place, reply in replies])

    def sync(self) -> None:
        """Flush the file. All that was stored before is on the disk on return, so that no power failure can lose it."""
        if self.path is not None and not self._is_synced:
            self._is_synced = True  # set first: what is stored meanwhile waits for the next sync
            try:
                with self.path.open("ab") as file, named_in_errors(self.path):
                    os.fsync(file.fileno())
            except OSError:
                self._is_synced = False
                raise

    def _write(self, rows: Sequence[Json]) -> None:
        if self.path is not None:
            _append(self.path, "".join(map(to_line, rows)))
            self._is_synced = False

    def _read(self, path: Path) -> None:
        text = read_bytes(path).decode(errors="replace")
        for line in text.split("\n"):
            row = _parse(line)
            if row is None:
                continue
            if isinstance(row, _KnownCapabilities):
                self._capabilities[row.key] = row.capabilities
            else:
                self._replies[row.place] = row.reply


_FIELDS = tuple(field.name for field in fields(Completion))


def _to_json(reply: Completion) -> Json:
    """Return the fields of a reply, without the deep copy that `asdict` makes."""
    return {name: getattr(reply, name) for name in _FIELDS}


def _append(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with named_in_errors(path), path.open("ab+") as file:
        if file.tell() and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n":
            text = "\n" + text  # after a row that a kill cut short
        file.write(text.encode())


def _parse(line: str) -> _KnownCapabilities | _KnownReply | None:
    """Parse a complete row; None for anything else."""
    try:
        row = json.loads(line)
        row = rename_key(rename_key(row, "traits_of", "capabilities_of"), "traits", "capabilities")
        if "capabilities_of" in row:
            return _KnownCapabilities(str(row["capabilities_of"]), dict(row["capabilities"]))
        reply = row["reply"] | {"prevented": tuple(row["reply"]["prevented"])}
        place = Place(str(row["key"]), int(row["number"]))
        return _KnownReply(place, Completion(**reply)) if isinstance(reply["text"], str) else None
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        return None
