"""The interface for training the stages of a run, locally (local_trainer.py) or by a provider (hosted/trainer.py).

A stage begins by loading its parent, which may first answer cases itself. Then the stage trains on its data and saves a
checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fliptrace.core.messages import Instruction, Message
from fliptrace.models.base import ChatModel, Model
from fliptrace.models.checkpoints import InferenceDefaults
from fliptrace.prompts.views import TruncatedView
from fliptrace.training.observer import TrainingObserver
from fliptrace.training.recipe_tables import Stage

CHECKPOINT = "checkpoint"
COST = "cost.json"
PREFLIGHT = "preflight.json"


@dataclass(frozen=True, slots=True)
class StagePlace:
    """A stage to train, its `number` in the recipe, from 1, and its own folder."""

    stage: Stage
    number: int
    folder: Path

    @property
    def checkpoint(self) -> Path:
        return self.folder / CHECKPOINT


@dataclass(frozen=True, slots=True)
class StageData:
    """The training data of a stage.

    `truncated` are the views that the instructions are built from; `defaults` are the inference defaults of the trained
    model. `score` returns the trigger F1 on val, by which a trainer may choose among its checkpoints. `steps_like` is
    the folder of the stage named by `steps_of`, if any.
    """

    instructions: Sequence[Instruction]
    truncated: Sequence[TruncatedView]
    defaults: InferenceDefaults
    score: Callable[[Model], float]
    steps_like: Path | None = None


class Trainee(ChatModel, Protocol):
    """A stage's parent, which may be asked for answers before it is trained."""

    @property
    def context_length(self) -> int:
        """The maximum number of tokens of prompt and reply together."""
        ...

    def num_tokens(self, messages: Sequence[Message]) -> int:
        """The number of tokens of a prompt, or a slight overestimate."""
        ...


class StageTrainer(Protocol):
    """Trains one stage, whose parent is loaded."""

    @property
    def trainee(self) -> Trainee: ...

    def train(self, stage_data: StageData, observer: TrainingObserver) -> None:
        """Train on the stage's data. The checkpoint appears complete or not at all, and a killed stage can resume.

        Raises RunError if there is nothing to train on, or if the stage cannot resume the way it began.
        """
        ...


class Trainer(Protocol):
    """Trains the stages of one run."""

    def check(self) -> None:
        """Check a run before it begins or resumes. Raises RunError if its base can no longer be trained."""
        ...

    def make_base(self, texts: Iterable[str], folder: Path) -> str:
        """Return the reference of the base. A trainer may build one from `texts` in `folder`."""
        ...

    def begin(self, place: StagePlace, parent: str) -> StageTrainer:
        """Load a stage's parent: the base, or the folder of a checkpoint."""
        ...

    def open(self, checkpoint: Path) -> Model:
        """Open a trained model for inference."""
        ...
