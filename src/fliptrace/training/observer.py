"""Who watches a training run: one interface, from the command down to the callback of Hugging Face Trainer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fliptrace.core.files import Json

if TYPE_CHECKING:
    from fliptrace.training.preflight import Preflight


class TrainingObserver:
    """Receives the progress of a run. Events that a subclass does not override are ignored."""

    def stage_begins(self, number: int, num_stages: int, name: str) -> None:
        """`number` is the stage's position in the recipe, from 1."""

    def preflight(self, checks: Preflight) -> None:
        """The data of the stage are ready to be trained on."""

    def resumed(self, step: int) -> None:
        """Training continues after `step`, 0 at the beginning. Rows logged after that step will be logged again."""

    def stepped(self, step: int, num_steps: int) -> None:
        """`step` of `num_steps` optimizer steps are done."""

    def logged(self, row: Json) -> None:
        """A row of the log: `stage`, `step`, and the loss or the trigger F1 on val."""

    def evaluation(self, name: str, num_cases: int, num_done: int) -> None:
        """An evaluation on val, by its name in the recipe, has finished `num_done` of its cases."""

    def stage_ends(self, name: str, scores: Json) -> None:
        """`scores` holds the scores of the stage by evaluation."""
