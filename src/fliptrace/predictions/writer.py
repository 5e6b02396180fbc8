"""Writes a prediction file of any task, and resumes a killed run. Makes no predictions itself."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from fliptrace.core.errors import RunError
from fliptrace.core.files import (
    Json,
    hash_json,
    named_in_errors,
    open_atomic,
    read_bytes,
    to_line,
    versions,
    write_json,
    write_jsonl,
)
from fliptrace.core.locks import sole_writer
from fliptrace.predictions.rows import AnyRow, hash_labels, manifest_path, read_manifest

R = TypeVar("R", bound=AnyRow)


@dataclass(frozen=True, slots=True)
class Written(Generic[R]):
    """All rows of a file, and how many of them came from an earlier, killed run."""

    rows: list[R]
    num_resumed: int


def write_predictions(
    path: Path,
    manifest: Json,
    read_row: Callable[[Json], R],
    make_rows: Callable[[int], Iterable[R]],
    *,
    summarise: Callable[[list[R]], Json] = lambda rows: {},
    rows_at_once: int = 1,
    on_progress: Callable[[int], None] = lambda num_done: None,
) -> Written[R]:
    """Write `path` and its manifest. Rows go to `path.partial` first, from which a killed run is resumed.

    `make_rows(n)` makes all rows but the first n. `manifest` describes what the rows are made from and identifies the
    run: RunError if `path.partial` belongs to another run. The result of `summarise` is added to the manifest at the
    end. RunError too if another process is writing the file. `on_progress` gets the number of rows done; the file is
    synced to disk after every `rows_at_once` rows.
    """
    partial = path.with_name(f"{path.name}.partial")
    with sole_writer(path):
        rows = _resume(partial, hash_json(manifest), read_row)
        num_resumed = len(rows)
        on_progress(num_resumed)
        try:
            with named_in_errors(partial), partial.open("ab") as file:
                for row in make_rows(num_resumed):
                    rows.append(row)
                    file.write(to_line(row.to_json()).encode())
                    if len(rows) % rows_at_once == 0:
                        file.flush()
                        os.fsync(file.fileno())
                    on_progress(len(rows))
        except BaseException:
            if not rows:  # do not leave an empty file behind
                partial.unlink(missing_ok=True)
            raise
        write_jsonl(path, (row.to_json() for row in rows))
        made = {"labels_sha256": hash_labels(rows), "versions": versions("torch", "transformers", "onnxruntime")}
        write_json(manifest_path(path), manifest | summarise(rows) | made)
        partial.unlink()
    return Written(rows, num_resumed)


def refuse_other_run(path: Path, made_from: Json) -> None:
    """RunError if `path` is a finished file that was made from something else; nothing is written.

    `made_from` is a part of a manifest: `model`, `inference`, `data`. A file of the same run may be made again.
    """
    if not path.exists():
        return
    manifest = read_manifest(path)
    if not manifest:
        raise RunError(path, "exists, and no manifest beside it says what it is; expected a new file, or --overwrite")
    ours: Json = json.loads(json.dumps(made_from))
    data = {name: manifest.get("data", {}).get(name) for name in ours["data"]}
    held = {"model": manifest.get("model"), "inference": manifest.get("inference"), "data": data}
    if held["model"] != ours["model"]:
        raise RunError(
            path, f"holds predictions of {held['model']}, not of {ours['model']}; expected a new file, or --overwrite"
        )
    other = [name for name in ("data", "inference") if held[name] != ours[name]]
    if other:
        said = {"data": "from other data or weights", "inference": "with other settings"}[other[0]]
        raise RunError(path, f"holds predictions made {said}; expected a new file, or --overwrite")


def _resume(partial: Path, run: str, read_row: Callable[[Json], R]) -> list[R]:
    """The complete rows that a killed run left; the partial file is cut after them, or created."""
    whole, newline, _ = read_bytes(partial).rpartition(b"\n") if partial.exists() else (b"", b"", b"")
    if not newline:
        write_jsonl(partial, [{"run": run}])
        return []
    header, *lines = whole.split(b"\n")
    try:
        is_ours = json.loads(header) == {"run": run}
        done = [read_row(json.loads(line)) for line in lines] if is_ours else []
    except (KeyError, RecursionError, TypeError, ValueError) as error:
        raise RunError(partial, f"damaged ({error}); delete it to start anew") from error
    if not is_ours:
        raise RunError(partial, "left by a run with other data, model or settings; delete it, or choose another --out")
    with open_atomic(partial) as file:
        file.write(whole + newline)
    return done
