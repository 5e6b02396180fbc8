"""Checkpoints of a run: their metadata, their location in the run folder and their inference defaults."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from fliptrace.core.errors import InputError, RunError, damage_named
from fliptrace.core.files import inside, read_object, write_json
from fliptrace.models.base import DecodingKind
from fliptrace.prompts.answers import Ask
from fliptrace.prompts.views import Layout

MANIFEST = "manifest.json"  # of a run, in its root folder
DONE = "stage.json"  # written last; a stage folder without it is unfinished
DEFAULTS_FILE = "fliptrace.json"  # in a checkpoint: its inference defaults
HOSTED = "hosted.json"  # in a checkpoint without weights: the provider's model


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The metadata of a finished stage.

    `ref` is the checkpoint folder relative to its run, and `parent` is the ref of the model it was trained from. The
    folder of a hosted model holds the model's name (`hosted_ref`) instead of weights.
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
        """Read the checkpoint of a stage; None if the stage is not finished."""
        path = folder / DONE
        if not path.exists():
            return None
        with damage_named(path):
            return cls(**read_object(path))


@dataclass(frozen=True, slots=True)
class FlipShare:
    """The `num` pairs of utterances in val with a flip probability of at least `low` and below `high`, or 1.

    `mean_probability` is their mean, `share_flips` the share of them that are labelled flips.
    """

    low: float
    high: float
    num: int
    mean_probability: float
    share_flips: float

    def __post_init__(self) -> None:
        within = 0 <= self.low < self.high <= 1 and self.low <= self.mean_probability <= self.high
        if not (within and self.num >= 1 and 0 <= self.share_flips <= 1):
            raise ValueError(f"{self}: expected shares from 0 to 1, the mean between low and high, and a pair or more")


@dataclass(frozen=True, slots=True)
class InferenceDefaults:
    """The inference settings that a model was trained for, used unless the user gives others.

    `thresholds` are the minimum supports for naming an utterance. They are chosen on val per kind of decoding, because
    the share of votes in sampling differs from the probability in exact decoding. `emotion_weights` multiply the
    probabilities of emotion labels (1 by default), because a model trained on few examples of rare emotions favours the
    frequent ones. The probabilities of labels are then raised to the power of 1 / `emotion_temperature` and normalized.

    `same_label_odds` multiplies the odds that two consecutive utterances of a speaker carry the same label, in the
    probability of a flip (inference/flips.py); 1 takes the two labels as independent.

    `flip_threshold` is the probability from which a change of emotion is reported as a flip; None reports it where the
    likeliest labels differ. Emotions with a probability below `uncertain_below` are shown as uncertain; None shows
    none. All four are chosen on val. `flip_shares` say how often pairs of val with a certain probability were flips, in
    ascending order; each group was left out of the choice of the odds that it was measured with.
    """

    layout: Layout = field(default_factory=Layout)
    ask: Ask = "answer"
    thresholds: Mapping[DecodingKind, float] = field(default_factory=dict)
    emotion_weights: Mapping[str, float] = field(default_factory=dict)
    emotion_temperature: float = 1.0
    same_label_odds: float = 1.0
    flip_threshold: float | None = None
    uncertain_below: float | None = None
    flip_shares: tuple[FlipShare, ...] = ()

    def __post_init__(self) -> None:
        for name in ("emotion_temperature", "same_label_odds"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}; expected more than 0, and finite")
        for name in ("flip_threshold", "uncertain_below"):
            share = getattr(self, name)
            if share is not None and not 0 < share <= 1:
                raise ValueError(f"{name} is {share}; expected more than 0 and at most 1")

    def threshold(self, kind: DecodingKind) -> float:
        """Return the threshold for this kind of decoding; 0.5 if none was chosen."""
        return self.thresholds.get(kind, 0.5)

    def write(self, checkpoint: Path) -> None:
        write_json(checkpoint / DEFAULTS_FILE, asdict(self))

    @classmethod
    def read(cls, checkpoint: Path) -> InferenceDefaults | None:
        """Read the defaults from a checkpoint folder; None if it has none. InputError if the file is malformed."""
        path = checkpoint / DEFAULTS_FILE
        if not path.exists():
            return None
        try:
            table = read_object(path)
            # Checkpoints written before exact decoding existed hold one threshold, for sampling.
            thresholds: dict[DecodingKind, float] = (
                table["thresholds"] if "thresholds" in table else {"sample": table["threshold"]}
            )
            return cls(
                Layout(**table["layout"]),
                table["ask"],
                thresholds,
                table.get("emotion_weights", {}),
                table.get("emotion_temperature", 1.0),
                table.get("same_label_odds", 1.0),
                table.get("flip_threshold"),
                table.get("uncertain_below"),
                tuple(FlipShare(**each) for each in table.get("flip_shares", ())),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                path, f"cannot be read ({error}); expected the inference defaults of a checkpoint"
            ) from error


def hosted_ref(checkpoint: Path) -> str | None:
    """Return the MODEL of a checkpoint whose weights are at a provider; None if the weights are in the folder.

    InputError if the file is malformed.
    """
    path = checkpoint / HOSTED
    if not path.exists():
        return None
    try:
        return str(read_object(path)["model"])
    except (KeyError, TypeError) as error:
        raise InputError(path, "names no model; expected the file that training wrote") from error


def is_run(folder: Path) -> bool:
    return (folder / MANIFEST).is_file()


def last_checkpoint(run: Path) -> Path:
    """Return the checkpoint folder of a run's last finished stage; RunError if no stage is finished."""
    finished = {folder: Checkpoint.read(folder) for folder in sorted(run.glob("*-*/"), key=_stage_number)}
    refs = [checkpoint.ref for checkpoint in finished.values() if checkpoint]
    if not refs:
        raise RunError(run, "no stage of this run is finished; resume it with: fliptrace train RECIPE")
    return inside(run, str(refs[-1]))


def _stage_number(folder: Path) -> int:
    number = folder.name.partition("-")[0]
    return int(number) if number.isdigit() else -1
