"""Who trains the stages of a run: this machine (local_trainer.py), or a provider (training/hosted/trainer.py).

A stage is begun on its parent, which is asked for its own answers; then it is taught a lesson, and leaves a checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fliptrace.core.files import Json
from fliptrace.core.messages import Instruction, Message
from fliptrace.models.base import ChatModel
from fliptrace.models.checkpoints import InferenceDefaults
from fliptrace.prompts.views import TruncatedView
from fliptrace.training.preflight import Preflight
from fliptrace.training.recipe import Stage

CHECKPOINT = "checkpoint"
COST = "cost.json"
PREFLIGHT = "preflight.json"


@dataclass(frozen=True, slots=True)
class StagePlace:
    """A stage to be trained: its `number` in the recipe, from 1, and the folder that is its own."""

    stage: Stage
    number: int
    folder: Path

    @property
    def checkpoint(self) -> Path:
        return self.folder / CHECKPOINT


@dataclass(frozen=True, slots=True)
class StageData:
    """What a stage is taught. `truncated` are the views it is made of, `defaults` how the trained model is to be asked.

    `steps_like` is the folder of the stage whose optimizer steps this one takes, if of any. `score` gives the trigger
    F1 on val, by which a trainer may choose among what it has trained.
    """

    instructions: Sequence[Instruction]
    truncated: Sequence[TruncatedView]
    defaults: InferenceDefaults
    score: Callable[[ChatModel], float]
    steps_like: Path | None = None


@dataclass(frozen=True, slots=True)
class Reports:
    """Where a trainer tells how a stage goes on. `on_resume`: what was logged after this step is logged again."""

    on_preflight: Callable[[Preflight], None]
    on_log: Callable[[Json], None]
    on_resume: Callable[[int], None]
    on_step: Callable[[int, int], None]


class Trainee(ChatModel, Protocol):
    """A stage's parent, as it is asked before it is trained on."""

    @property
    def context_length(self) -> int:
        """Tokens of prompt and reply together that it takes in."""
        ...

    def num_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of a prompt, or a few more."""
        ...


class StageTrainer(Protocol):
    """One stage begun on its parent."""

    @property
    def trainee(self) -> Trainee: ...

    def train(self, stage_data: StageData, reports: Reports) -> None:
        """Teach the lesson; the checkpoint appears whole or not at all, and a killed stage goes on.

        RunError where there is nothing to train on, or it cannot go on as it began.
        """
        ...


class Trainer(Protocol):
    """Trains the stages of one run."""

    def check(self) -> None:
        """Before a run begins or goes on: RunError where its base can no longer be trained on."""
        ...

    def make_base(self, texts: Iterable[str], folder: Path) -> str:
        """The reference of the base; `folder` is where one may be made of `texts`."""
        ...

    def begin(self, place: StagePlace, parent: str) -> StageTrainer:
        """Open a stage's parent: the base, or the folder of a checkpoint."""
        ...

    def open(self, checkpoint: Path) -> ChatModel:
        """A trained model, to be read."""
        ...
