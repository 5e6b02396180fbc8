"""The folder of a run over many conversations: tables in parts, and for each part a list of what is in it.

A part counts once its list is written, which is the last file of it: a part without a list is what a killed run left,
and is deleted. So no row is ever there twice or read half written.

    DIR/batch.json                     the model and the options: another run cannot go on here
    DIR/utterances/part-000000.parquet and so on; also flips/ and triggers/
    DIR/parts/part-000000.json         conversations of the part, with the hash of their content, and errors
    DIR/failed.jsonl                   conversations that failed, with their errors
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fliptrace.batch.rows import TABLES, Done
from fliptrace.core.errors import MissingExtra, RunError, damage_named
from fliptrace.core.files import Json, open_atomic, read_json, read_object, write_json, write_jsonl

_SETTINGS = "batch.json"
_PARTS = "parts"
FAILED = "failed.jsonl"


@dataclass
class BatchFolder:
    """`done` has what is finished, by id; a conversation that failed and then did not is no longer failed."""

    path: Path
    done: dict[str, Done] = field(default_factory=dict)
    num_parts: int = 0

    @classmethod
    def open(cls, path: Path, settings: Json) -> BatchFolder:
        """Open a folder to go on in it, or make it. RunError if it is that of a run with other settings."""
        _arrow()
        _check_settings(path, settings)
        folder = cls(path)
        for listed in sorted((path / _PARTS).glob("part-*.json")):
            with damage_named(listed):
                for row in read_json(listed):
                    folder.done[row["conversation"]] = Done.from_json(row)
            folder.num_parts = int(listed.stem.removeprefix("part-")) + 1
        folder._delete_unlisted()
        return folder

    def write(self, part: Sequence[Done]) -> None:
        """Write a part: its tables, then its list."""
        pyarrow, parquet = _arrow()
        name = f"part-{self.num_parts:06d}"
        for table, columns in TABLES.items():
            schema = pyarrow.schema([(column, getattr(pyarrow, kind)()) for column, kind in columns.items()])
            rows = [row for done in part for row in done.tables.get(table, ())]
            with open_atomic(self.path / table / f"{name}.parquet") as file:
                parquet.write_table(pyarrow.Table.from_pylist(rows, schema), file)
        write_json(self.path / _PARTS / f"{name}.json", [done.to_json() for done in part])
        self.num_parts += 1
        self.done |= {done.id: replace(done, tables={}) for done in part}

    def failed(self) -> list[Done]:
        return [done for done in self.done.values() if done.error]

    def write_failed(self) -> None:
        """Write what failed; without any, there is no such file."""
        path, failed = self.path / FAILED, self.failed()
        if failed:
            write_jsonl(path, (done.to_json() for done in failed))
        else:
            path.unlink(missing_ok=True)

    def _delete_unlisted(self) -> None:
        for table in TABLES:
            for file in (self.path / table).glob("part-*.parquet"):
                if not (self.path / _PARTS / f"{file.stem}.json").exists():
                    file.unlink()


def _check_settings(path: Path, settings: Json) -> None:
    written = path / _SETTINGS
    if not written.exists():
        if path.is_dir() and any(child.name not in (".lock", ".lock.process") for child in path.iterdir()):
            raise RunError(path, f"has files but no {_SETTINGS}; expected a new folder, or that of an earlier run")
        write_json(written, settings)
        return
    found = read_object(written)
    changed = [name for name in settings if found.get(name) != settings[name]]
    if changed:
        name = changed[0]
        raise RunError(
            path, f"begun with {name} {found.get(name)!r}, now {settings[name]!r}; expected the same, or another --out"
        )


def _arrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtra("analyze --out", "scale", "pyarrow") from error
    return pyarrow, parquet
