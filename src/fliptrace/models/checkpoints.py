"""What training leaves behind and prediction takes up: checkpoints, where they lie in a run, and how to ask them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from fliptrace.core.errors import InputError, RunError
from fliptrace.core.files import read_json, write_json
from fliptrace.models.base import DecodingKind
from fliptrace.prompts.answers import Ask
from fliptrace.prompts.views import Layout

MANIFEST = "manifest.json"  # of a run, at its root
DONE = "stage.json"  # written last: a stage folder without it is unfinished
HABITS = "fliptrace.json"  # in a checkpoint: how it was trained to be asked
HOSTED = "hosted.json"  # in a checkpoint without weights: the provider's model it stands for


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`ref` is a folder, relative to its run; `parent` the ref it was trained from. Of a hosted model the folder holds
    no weights but what it is called (`hosted_ref`).
    """

    ref: str
    stage: str
    parent: str
    recipe_hash: str
    data_hash: str

    def write(self, folder: Path) -> None:
        write_json(folder / DONE, asdict(self))

    @classmethod
    def read(cls, folder: Path) -> Checkpoint | None:
        """The checkpoint of a finished stage; None where the stage is not finished."""
        return cls(**read_json(folder / DONE)) if (folder / DONE).exists() else None


@dataclass(frozen=True, slots=True)
class InferenceDefaults:
    """How a model was trained to be asked.

    `thresholds` are the supports from which an utterance is named, chosen on val for kinds of decoding: the share of
    votes of samples is not the probability that exact decoding finds. `emotion_weights` multiply the probabilities of
    emotion labels: a model that learned from few rare emotions is too sure of frequent ones; 1 where none is given.
    """

    layout: Layout = field(default_factory=Layout)
    ask: Ask = "answer"
    thresholds: Mapping[DecodingKind, float] = field(default_factory=dict)
    emotion_weights: Mapping[str, float] = field(default_factory=dict)

    def threshold(self, kind: DecodingKind) -> float:
        """0.5 where none was chosen."""
        return self.thresholds.get(kind, 0.5)

    def write(self, checkpoint: Path) -> None:
        write_json(checkpoint / HABITS, asdict(self))

    @classmethod
    def read(cls, checkpoint: Path) -> InferenceDefaults | None:
        """What training left in a checkpoint's folder; None where nothing was."""
        path = checkpoint / HABITS
        if not path.exists():
            return None
        try:
            table = read_json(path)
            # Checkpoints written before exact decoding hold one threshold, that of samples.
            thresholds: dict[DecodingKind, float] = (
                table["thresholds"] if "thresholds" in table else {"sample": table["threshold"]}
            )
            return cls(Layout(**table["layout"]), table["ask"], thresholds, table.get("emotion_weights", {}))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(path, f"not the reading habits of a checkpoint: {error}") from error


def hosted_ref(checkpoint: Path) -> str | None:
    """The MODEL that a checkpoint stands for where its weights are a provider's; None where they lie here."""
    path = checkpoint / HOSTED
    if not path.exists():
        return None
    try:
        return str(read_json(path)["model"])
    except (KeyError, TypeError) as error:
        raise InputError(path, "names no model; expected what training wrote") from error


def is_run(folder: Path) -> bool:
    return (folder / MANIFEST).is_file()


def last_checkpoint(run: Path) -> Path:
    """The checkpoint of a run's last finished stage; RunError where none is finished."""
    finished = {folder: Checkpoint.read(folder) for folder in sorted(run.glob("*-*/"), key=_stage_number)}
    refs = [checkpoint.ref for checkpoint in finished.values() if checkpoint]
    if not refs:
        raise RunError(run, "no stage of this run is finished; go on with: fliptrace train RECIPE")
    return run / refs[-1]


def _stage_number(folder: Path) -> int:
    number = folder.name.partition("-")[0]
    return int(number) if number.isdigit() else -1
