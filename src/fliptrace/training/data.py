"""The cases a run trains and chooses on, where they come from, and what is wrong with that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from fliptrace.corpora.catalog import locate_ref
from fliptrace.corpora.efr import read_efr
from fliptrace.corpora.groups import assign_groups_across
from fliptrace.corpora.guards import find_leaks
from fliptrace.corpora.results import EfrFile
from fliptrace.corpora.splits import split_by_group
from fliptrace.errors import InputError, RunError
from fliptrace.flips import FlipCase
from fliptrace.store import Json, hash_file
from fliptrace.training.recipe import Data, Recipe


@dataclass(frozen=True, slots=True)
class TrainingData:
    """`manifest` names files, hashes, counts and leaks; `notes` are what a user should read before the start."""

    train: tuple[FlipCase, ...]
    val: tuple[FlipCase, ...]
    manifest: Json
    notes: tuple[str, ...] = ()


def load_training_data(recipe: Recipe, root: Path | None) -> TrainingData:
    """Read, group and split what a recipe names; `root` is the folder of corpora, None the cache of downloads.

    RunError where train and val share groups and the recipe does not say `shared_groups = "report"`.
    """
    part = recipe.data
    files = {ref: read_efr(locate_ref(ref, root)) for ref in _refs(part)}
    _refuse_same_ids(list(files.values()))
    _refuse_unlabelled(list(files.values()))
    train, val = _split(part, files, recipe.seed)
    leaks = find_leaks(train, val)
    if not leaks.is_clean and part.shared_groups == "refuse":
        raise RunError(
            "recipe data",
            f"{leaks}, so scores would be too good; "
            'set resplit to split anew by group, or shared_groups = "report" to go on with that remark',
        )
    taught = [_without_out_of_zone(case) for case in train] if part.out_of_zone == "leave out" else train
    kept, kept_val = tuple(taught[: part.max_train_cases]), tuple(val[: part.max_val_cases])
    manifest: Json = {
        "files": {ref: _describe(file) for ref, file in files.items()},
        "leaks": asdict(leaks),
        "num_train_cases": len(kept),
        "num_val_cases": len(kept_val),
    }
    notes = [f"{f.path.name}: {len(f.left_out)} cases end on no flip, left out" for f in files.values() if f.left_out]
    if not leaks.is_clean:
        notes.append(f"{leaks}: scores on val are too good by an unknown amount")
    return TrainingData(kept, kept_val, manifest, tuple(notes))


def _split(part: Data, files: dict[str, EfrFile], seed: int) -> tuple[Sequence[FlipCase], Sequence[FlipCase]]:
    """Train and val, under groups assigned over all files: as published, or all of it split anew by group."""
    grouped = dict(zip(files, assign_groups_across([file.cases for file in files.values()]), strict=True))
    train = [case for ref in part.train for case in grouped[ref]]
    val = [case for ref in part.val for case in grouped[ref]]
    if not part.resplit:
        return train, val
    parts = split_by_group([*train, *val], {"train": 1 - part.resplit, "val": part.resplit}, seed)
    return parts["train"], parts["val"]


def _describe(file: EfrFile) -> Json:
    return {"sha256": hash_file(file.path), "num_cases": len(file.cases), "num_left_out": len(file.left_out)}


def _without_out_of_zone(case: FlipCase) -> FlipCase:
    """Without the triggers before the source, many of which look carried over from earlier flips (docs/data.md)."""
    if case.triggers is None:
        return case
    return replace(case, triggers=frozenset(t for t in case.triggers if t >= case.flip.source))


def _refs(part: Data) -> tuple[str, ...]:
    refs = (*part.train, *part.val)
    twice = [ref for ref, count in Counter(refs).items() if count > 1]
    if twice:
        raise InputError("recipe data", f"{twice[0]} is named twice; wanted files of different names, each once")
    return refs


def _refuse_unlabelled(files: Sequence[EfrFile]) -> None:
    for file in files:
        if not file.cases:
            raise InputError(file.path, "holds no flip case; wanted cases to train or to choose on")
        unlabelled = [case.id for case in file.cases if case.triggers is None]
        if unlabelled:
            raise InputError(file.path, f"{len(unlabelled):,} cases have no triggers, the first is {unlabelled[0]}")


def _refuse_same_ids(files: Sequence[EfrFile]) -> None:
    ids = Counter(case.id for file in files for case in file.cases)
    twice = [case_id for case_id, count in ids.items() if count > 1]
    if twice:
        raise InputError("recipe data", f"two cases are called {twice[0]}; wanted files of different names, each once")
