"""Folders of packed models: what is in them, and how they get to where they ship from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json, new_folder


def install(folder: Path, target: Path, texts: Mapping[str, str], max_bytes: int) -> int:
    """Write the files of a folder and `texts` to `target`, all or nothing, and return their size in bytes.

    InputError if they exceed `max_bytes`.
    """
    contents = _contents(folder, texts)
    num_bytes = sum(map(len, contents.values()))
    if num_bytes > max_bytes:
        raise InputError(target, f"{num_bytes:,} bytes in all; expected at most {max_bytes:,}")
    with new_folder(target) as neighbour:
        for name, content in contents.items():
            (neighbour / name).write_bytes(content)
    return num_bytes


def describe_files(folder: Path, texts: Mapping[str, str]) -> list[Json]:
    """Return name, size and sha256 of every file that `install` writes, sorted by name."""
    return [
        {"name": name, "num_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in sorted(_contents(folder, texts).items())
    ]


def _contents(folder: Path, texts: Mapping[str, str]) -> dict[str, bytes]:
    contents = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    return contents | {name: text.encode() for name, text in texts.items()}
