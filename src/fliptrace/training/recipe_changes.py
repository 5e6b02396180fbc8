"""What changed between two recipes, and whether a run of the old one may continue with the new one."""

from __future__ import annotations

from typing import Any

from fliptrace.core.files import Json


def is_extended(old: Json, new: Json) -> bool:
    """Whether the new recipe only adds stages after those of the old one, so that the finished stages stay valid."""
    stages = new["stages"][: len(old["stages"])]
    return len(new["stages"]) > len(old["stages"]) and not differences(old, new | {"stages": stages})


def differences(old: Json, new: Json, prefix: str = "") -> list[str]:
    """List what changed between two recipes, one line per key: `tuning.learning_rate: 0.001 -> 0.002`."""
    lines: list[str] = []
    for key in sorted(old.keys() | new.keys()):
        before, after = _numbered(old.get(key)), _numbered(new.get(key))
        if isinstance(before, dict) and isinstance(after, dict):
            lines += differences(before, after, f"{prefix}{key}.")
        elif before != after:
            lines.append(f"{prefix}{key}: {before!r} -> {after!r}")
    return lines


def _numbered(value: Any) -> Any:
    """Turn a list of tables into a table keyed by position, so that a change inside one of them can be named."""
    is_tables = isinstance(value, list) and all(isinstance(item, dict) for item in value)
    return {str(position): item for position, item in enumerate(value)} if is_tables else value
