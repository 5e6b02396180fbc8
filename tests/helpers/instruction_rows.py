"""The rows of an instruction file."""

from __future__ import annotations

from pathlib import Path

from fliptrace.core.files import Json, read_jsonl


def read_rows(path: Path) -> list[Json]:
    return [row for _, row in read_jsonl(path)]
