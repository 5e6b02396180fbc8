"""The run folder: its files, and the check that a run continues with the recipe and data it was started with.

manifest.json   recipe, data, versions; for a base of the catalog or from a GGUF file also its name, file and hash
log.jsonl       one row every few steps, and one per evaluation
base/           the scratch model, if any
scores.json     the scores of every stage and evaluation, next to those of the rules
1-chain/        instructions.jsonl, preflight.json, cost.json, own-answers.jsonl (later stages), steps/ (while the
                stage trains), checkpoint/, predictions/, scores.json, and stage.json, which is written last
With a hosted base also: answers.jsonl, every reply of the run; in each stage training.jsonl, as uploaded, and job.json.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fliptrace.core.errors import RunError, damage_named
from fliptrace.core.files import (
    Json,
    named_in_errors,
    read_object,
    read_text,
    rename_key,
    to_line,
    versions,
    write_json,
    write_jsonl,
)
from fliptrace.models.checkpoints import MANIFEST
from fliptrace.models.local.loading import base_record
from fliptrace.training.recipe import Recipe
from fliptrace.training.recipe_changes import differences, is_extended
from fliptrace.training.recipe_tables import Stage

SCORES = "scores.json"
_NEIGHBOUR = re.compile(r"\..+\.[0-9a-z_]{8}")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The paths in one run folder."""

    path: Path

    @property
    def base(self) -> Path:
        return self.path / "base"

    @property
    def scores(self) -> Path:
        return self.path / SCORES

    def stage(self, number: int, stage: Stage) -> Path:
        return self.path / f"{number}-{stage.name}"

    def log(self, row: Json) -> None:
        """Append a row to the log."""
        path = self.path / "log.jsonl"
        with named_in_errors(path), path.open("a", encoding="utf-8") as file:
            file.write(to_line(row))

    def sweep(self) -> None:
        """Remove what a killed run left incomplete: the temporary files and folders of core/files.py."""
        for entry in [entry for pattern in (".*", "*/.*", "*/*/.*") for entry in self.path.glob(pattern)]:
            if not _NEIGHBOUR.fullmatch(entry.name):
                continue
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def rewind_log(self, stage: str, step: int) -> None:
        """Drop rows that a killed stage logged after the step it resumes from, and an incomplete last row."""
        path = self.path / "log.jsonl"
        if path.exists():
            with damage_named(path):
                rows = [json.loads(line) for line in read_text(path).rpartition("\n")[0].split("\n") if line]
                kept = [row for row in rows if row["stage"] != stage or row["step"] <= step]
            write_jsonl(path, kept)


def open_run(path: Path, recipe: Recipe, data: Json) -> RunFolder:
    """Start a run folder or continue it. Raises RunError if it was started with another recipe or other data.

    A recipe that only adds stages at the end extends the run.
    """
    manifest = path / MANIFEST
    ours: Json = {"recipe": recipe.to_json(), "data": data} | _describe_base(recipe)
    if manifest.exists():
        theirs = read_object(manifest)
        with damage_named(manifest):
            theirs["recipe"] = rename_key(theirs["recipe"], "readings", "evaluations")
            changed = differences(theirs["data"], data, "data files: ")
            changed += differences(theirs.get("base", {}), ours.get("base", {}), "base: ")
            extended = is_extended(theirs["recipe"], ours["recipe"])
        if extended and not changed:
            write_json(manifest, theirs | ours | {"recipe_hash": recipe.digest})
        elif changed := differences(theirs["recipe"], ours["recipe"]) + changed:
            lines = "\n  ".join(changed)
            raise RunError(
                path, f"started with another recipe or other data:\n  {lines}\nchoose another folder with --out"
            )
    elif path.exists() and any(not entry.name.startswith(".") for entry in path.iterdir()):
        raise RunError(path, f"not empty and not a run: it has no {MANIFEST}; expected a run or an empty folder")
    else:
        stamp = {"recipe_hash": recipe.digest, "versions": versions("torch", "transformers", "peft", "accelerate")}
        write_json(manifest, ours | stamp)
    return RunFolder(path)


def _describe_base(recipe: Recipe) -> Json:
    if recipe.hosted or recipe.base.scratch:
        return {}
    record = base_record(recipe.base.model)
    return {} if record is None else {"base": record.to_json()}


@contextmanager
def saving(place: Path) -> Iterator[None]:
    """Raise RunError if `place` cannot be written.

    Python reports a full disk as OSError; torch and safetensors raise errors of their own.
    """
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        raise RunError(
            place, f"could not be written ({error}); earlier files are intact: free some space and run it again"
        ) from error
