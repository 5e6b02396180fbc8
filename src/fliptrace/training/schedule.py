"""How many steps a stage takes, on which batches, and after which of them it is evaluated and saved.

Batches are drawn before training starts, so that a resumed stage sees the same ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from fliptrace.training.batching import Batching
from fliptrace.training.recipe_tables import Stage, Tuning


class Length(NamedTuple):
    """The optimizer steps of a stage, and its evaluations, evenly spaced with the last one at the end."""

    num_steps: int
    num_evals: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """The batches of a stage in order, its optimizer steps and evaluations, and how often it saves."""

    batches: list[list[int]]
    num_steps: int
    num_evals: int
    save_every: int

    @property
    def eval_every(self) -> int:
        """The steps between evaluations; those of the stage if there are none."""
        return self.num_steps // max(1, self.num_evals)


def plan(stage: Stage, tuning: Tuning, batching: Batching, seed: int, length: Length | None = None) -> Schedule:
    """Plan the steps of a stage.

    `length` is given if the stage takes the steps of another one (`steps_of`); otherwise its epochs decide. The last
    step is followed by an evaluation. To that end, fewer than `eval_every` steps may be cut off.
    """
    draw = partial(batching.draw, seed=seed)
    if length is not None:
        num_steps, num_evals = length
        batches = _draw_enough(draw, num_steps * tuning.accumulate)
    else:
        assert stage.epochs is not None
        batches = draw(stage.epochs)
        num_steps, num_evals = _length(tuning, len(batches), stage.epochs)
    saves = tuning.saves_per_stage or max(1, num_evals)
    return Schedule(
        batches[: num_steps * tuning.accumulate], num_steps, num_evals, max(1, math.ceil(num_steps / saves))
    )


def _draw_enough(draw: Callable[[float], list[list[int]]], num_batches: int) -> list[list[int]]:
    """Draw enough epochs for `num_batches`. With trees, epochs may differ by a few batches."""
    epochs = math.ceil(num_batches / len(draw(1)))
    while len(batches := draw(epochs)) < num_batches:
        epochs += 1
    return batches


def _length(tuning: Tuning, num_batches: int, epochs: float) -> Length:
    num_steps = max(1, num_batches // tuning.accumulate)
    if not tuning.evals_per_epoch:
        return Length(num_steps, 0)
    num_evals = max(1, min(num_steps, round(epochs * tuning.evals_per_epoch)))
    return Length(num_steps // num_evals * num_evals, num_evals)
