"""Load the cases and dialogues for training and validation, with a manifest of their origin and checks for leaks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Protocol

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.emotion_sets import MASAC8, to_masac8
from fliptrace.core.errors import InputError, RunError
from fliptrace.core.files import Json, hash_file
from fliptrace.core.flips import FlipCase
from fliptrace.corpora.catalog import locate_ref
from fliptrace.corpora.columns import OWN_EMOTIONS
from fliptrace.corpora.corpus_file import EfrFile, ErcFile
from fliptrace.corpora.detect import read_corpus, read_flip_cases
from fliptrace.corpora.groups import assign_groups_across
from fliptrace.corpora.leaks import drop_leaks, find_leaks
from fliptrace.corpora.own_emotions import check_labels
from fliptrace.corpora.splits import split_by_group
from fliptrace.training.recipe_tables import Data, OutOfZone


class DataRecipe(Protocol):
    """The part of a recipe that says what to load, and how to split it."""

    @property
    def data(self) -> Data: ...

    @property
    def seed(self) -> int: ...


@dataclass(frozen=True, slots=True)
class TrainingData:
    """The data of a run.

    `manifest` lists files, hashes, counts and leaks; `notes` are remarks for the user. `emotions` and `emotion_val` map
    emotion files to their labelled dialogues.
    """

    train: tuple[FlipCase, ...]
    val: tuple[FlipCase, ...]
    manifest: Json
    notes: tuple[str, ...] = ()
    emotions: Mapping[str, tuple[Dialogue, ...]] = field(default_factory=dict)
    emotion_val: Mapping[str, tuple[Dialogue, ...]] = field(default_factory=dict)


def load_training_data(recipe: DataRecipe, root: Path | None) -> TrainingData:
    """Read, group and split the data of a recipe. `root` is the folder of corpora; None is the download cache.

    Raises RunError if train and val share groups, unless the recipe sets `shared_groups = "report"`.
    """
    part = recipe.data
    files = {ref: read_flip_cases(locate_ref(ref, root), to_train=True) for ref in _refs(part)}
    _refuse_same_ids(list(files.values()))
    _refuse_unlabelled(list(files.values()))
    train, val = _split(part, files, recipe.seed)
    emotions = {ref: _read_erc(ref, root) for ref in part.emotions}
    emotion_val = {ref: _read_erc(ref, root) for ref in part.emotion_val}
    held_out = [member for ref in part.hold_out for member in read_corpus(locate_ref(ref, root)).members]
    if held_out:
        train = drop_leaks(train, held_out)
    taught_dialogues = {ref: _taught(file, held_out, part) for ref, file in emotions.items()}
    leaks = find_leaks(train, val)
    if not leaks.is_clean and part.shared_groups == "refuse":
        raise RunError(
            "recipe data",
            f"{leaks}, so scores would be too good; "
            'set resplit to split anew by group, or shared_groups = "report" to continue with a warning',
        )
    taught = treat_out_of_zone(train, part.out_of_zone)
    kept, kept_val = tuple(taught[: part.max_train_cases]), tuple(val[: part.max_val_cases])
    manifest: Json = {
        "files": {ref: _describe(file) for ref, file in files.items()},
        "leaks": asdict(leaks),
        "num_train_cases": len(kept),
        "num_val_cases": len(kept_val),
    }
    if emotions or emotion_val:
        manifest |= _describe_emotions(emotions, taught_dialogues, emotion_val, train)
    notes = [note for file in files.values() for note in _note_left_out(file)]
    if not leaks.is_clean:
        notes.append(f"{leaks}: scores on val are too good by an unknown amount")
    dialogues = {ref: file.dialogues for ref, file in emotion_val.items()}
    return TrainingData(kept, kept_val, manifest, tuple(notes), taught_dialogues, dialogues)


def _split(part: Data, files: dict[str, EfrFile], seed: int) -> tuple[Sequence[FlipCase], Sequence[FlipCase]]:
    """Return train and val with groups assigned across all files: as published, or split anew by group."""
    grouped = dict(zip(files, assign_groups_across([file.cases for file in files.values()]), strict=True))
    train = [case for ref in part.train for case in grouped[ref]]
    val = [case for ref in part.val for case in grouped[ref]]
    if not part.resplit:
        return train, val
    parts = split_by_group([*train, *val], {"train": 1 - part.resplit, "val": part.resplit}, seed)
    return parts["train"], parts["val"]


def _read_erc(ref: str, root: Path | None) -> ErcFile:
    file = read_corpus(locate_ref(ref, root))
    if isinstance(file, EfrFile):
        raise InputError(f"recipe data, {ref}", "flip cases; expected dialogues with an emotion for each utterance")
    return file


def _taught(file: ErcFile, held_out: Sequence[Dialogue | FlipCase], part: Data) -> tuple[Dialogue, ...]:
    """The training dialogues of a file, in the emotion set that the recipe asks for."""
    kept = drop_leaks(file.dialogues, held_out) if held_out else file.dialogues
    if part.emotion_set == "as labelled":
        return kept
    check_labels(kept, file.path)
    return tuple(map(_in_masac8, kept))


def _in_masac8(dialogue: Dialogue) -> Dialogue:
    """Map labels to MASAC8. Those without a counterpart are removed: their utterances are shown but not asked about."""
    emotions = tuple(e and to_masac8(e, dialogue.emotion_set) for e in dialogue.emotions)
    bare = dialogue.with_emotions((None,) * len(dialogue))
    return replace(bare, emotion_set=MASAC8).with_emotions(emotions)


def _describe_emotions(
    files: Mapping[str, ErcFile],
    taught: Mapping[str, tuple[Dialogue, ...]],
    val: Mapping[str, ErcFile],
    train: Sequence[FlipCase],
) -> Json:
    """Describe the emotion files, and for each val file what it shares with all training data."""
    described = {
        ref: _hashes(file.path) | {"num_dialogues": len(taught.get(ref, file.dialogues))}
        for ref, file in {**files, **val}.items()
    }
    trained: Iterable[Dialogue | FlipCase] = [*train, *(dialogue for part in taught.values() for dialogue in part)]
    leaks = {ref: asdict(find_leaks(trained, file.dialogues)) for ref, file in val.items()}
    return {"emotion_files": described, "emotion_leaks": leaks}


def _note_left_out(file: EfrFile) -> list[str]:
    num = len(file.left_out)
    return [f"{file.path.name}: {num} cases do not end on a flip, left out"] if num else []


def _describe(file: EfrFile) -> Json:
    return _hashes(file.path) | {"num_cases": len(file.cases), "num_left_out": len(file.left_out)}


def _hashes(path: Path) -> Json:
    """The hash of a file and, if there is one, of the declaration beside it, which decides what its labels are."""
    declared = path.with_name(OWN_EMOTIONS)
    return {"sha256": hash_file(path)} | ({"emotions_sha256": hash_file(declared)} if declared.exists() else {})


def treat_out_of_zone(cases: Sequence[FlipCase], how: OutOfZone) -> tuple[FlipCase, ...]:
    """Keep or remove triggers before the source, many of which look like annotation artefacts (docs/data.md)."""
    if how == "keep":
        return tuple(cases)
    return tuple(
        replace(case, triggers=frozenset(t for t in case.triggers if t >= case.flip.source))
        if case.triggers is not None
        else case
        for case in cases
    )


def _refs(part: Data) -> tuple[str, ...]:
    refs = (*part.train, *part.val)
    twice = [ref for ref, count in Counter(refs).items() if count > 1]
    if twice:
        raise InputError("recipe data", f"{twice[0]} is listed twice; expected files with different names, each once")
    return refs


def _refuse_unlabelled(files: Sequence[EfrFile]) -> None:
    for file in files:
        if not file.cases:
            raise InputError(file.path, "no flip cases; expected cases for training or validation")
        unlabelled = [case.id for case in file.cases if case.triggers is None]
        if unlabelled:
            raise InputError(
                file.path,
                f"{len(unlabelled):,} cases have no triggers, the first is {unlabelled[0]}; expected labelled cases",
            )


def _refuse_same_ids(files: Sequence[EfrFile]) -> None:
    ids = Counter(case.id for file in files for case in file.cases)
    twice = [case_id for case_id, count in ids.items() if count > 1]
    if twice:
        raise InputError(
            "recipe data", f"two cases have the id {twice[0]}; expected files with different names, each once"
        )
