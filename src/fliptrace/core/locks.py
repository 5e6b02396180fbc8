"""Locks: a folder or a file that one process writes is refused to every other one."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from fliptrace.core.errors import RunError


@contextmanager
def sole_writer(place: Path, option: str = "--out") -> Iterator[None]:
    """Hold the lock of a folder or file. RunError names the process that holds it already, or a lock that is a link.

    The lock is a hidden file inside the folder or beside the file. The system releases it when the process ends, even
    if it is killed.
    """
    from filelock import FileLock, Timeout

    lock = place / ".lock" if place.is_dir() else place.with_name(f".{place.name}.lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    holder = lock.with_suffix(".process")
    for path in (lock, holder):
        if path.is_symlink() or path.is_dir():
            raise RunError(path, "a link or a folder, which would be written through; expected none: delete it")
    try:
        with FileLock(lock, timeout=0):
            _write_holder(holder)
            try:
                yield
            finally:
                with suppress(OSError):  # Windows keeps a file that is open
                    holder.unlink(missing_ok=True)
                    lock.unlink(missing_ok=True)
    except Timeout as error:
        raise RunError(
            place, f"{_describe(holder)} is writing here; wait for it, stop it, or choose another {option}"
        ) from error


def _write_holder(path: Path) -> None:
    with suppress(OSError):  # it only makes a message more helpful
        command = " ".join(["fliptrace", *sys.argv[1:]])
        path.write_text(json.dumps({"pid": os.getpid(), "host": platform.node(), "command": command}))


def _describe(holder: Path) -> str:
    try:
        told: dict[str, Any] = json.loads(holder.read_text())
        return f"another process ({told['pid']} on {told['host']}: {told['command']})"
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "another process"
