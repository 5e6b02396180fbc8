"""The life of a fine-tuning job as a function of its age: state, events, checkpoints. Nothing here waits or trains.

Age is in states: a job validates its files below 1, is queued below 2, runs below 3, and is then done.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from fliptrace.core.files import Json
from fliptrace.curate.training_file import Problem, TrainingFile
from fliptrace.fake_provider.settings import JobScript

Status = Literal["validating_files", "queued", "running", "succeeded", "failed", "cancelled"]
ORGANIZATION = "fliptrace"
_CHECKED, _STARTED, _FAILED_RUN, _DONE = 1.0, 2.0, 2.5, 3.0
_STATUSES: tuple[Status, ...] = ("validating_files", "queued", "running", "succeeded")


class Hyperparameters(NamedTuple):
    n_epochs: int
    batch_size: int
    learning_rate_multiplier: float


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it was asked for, its files read. `cancelled_age` is its age when it was cancelled."""

    id: str
    model: str
    created_at: float
    script: JobScript
    hyperparameters: Hyperparameters
    training_id: str
    training: TrainingFile
    validation_id: str | None
    validation: TrainingFile | None
    seed: int
    suffix: str
    metadata: Mapping[str, str] | None
    cancelled_age: float | None = None

    def age(self, now: float) -> float:
        """In states, at a time in seconds since 1970."""
        if self.cancelled_age is not None:
            return self.cancelled_age
        return (now - self.created_at) / self.script.step_seconds if self.script.step_seconds else math.inf

    @property
    def problem(self) -> Problem | None:
        """What it fails with, unless it is cancelled before."""
        read = (self.training, self.validation)
        invalid = next((file.problem for file in read if file is not None and file.problem is not None), None)
        return invalid or (Problem("training_failed", self.script.fail_with) if self.script.fail_with else None)

    @property
    def end_age(self) -> float:
        """When it ends, unless it is cancelled before."""
        if self.problem is None:
            return _DONE
        return _FAILED_RUN if self.problem.param is None else _CHECKED

    def status(self, age: float) -> Status:
        if self.cancelled_age is not None:
            return "cancelled"
        if age >= self.end_age:
            return "succeeded" if self.problem is None else "failed"
        return _STATUSES[int(age)]

    @property
    def steps_per_epoch(self) -> int:
        return math.ceil(self.training.num_rows / self.hyperparameters.batch_size)

    @property
    def num_steps(self) -> int:
        return self.steps_per_epoch * self.hyperparameters.n_epochs

    @property
    def tuned_name(self) -> str:
        """What the model it makes is called: a tuned model's own base is its base too."""
        base = self.model.split(":")[1] if self.model.startswith("ft:") else self.model
        return f"ft:{base}:{ORGANIZATION}:{self.suffix}:{self.id.removeprefix('ftjob-')[:8]}"


class Checkpoint(NamedTuple):
    """The model after an epoch; `age` is when it was saved."""

    step: int
    name: str
    age: float


class Event(NamedTuple):
    """`data` are the metrics of a step, None in other messages."""

    age: float
    message: str
    level: Literal["info", "error"] = "info"
    data: Json | None = None


def checkpoints(job: Job, age: float) -> list[Checkpoint]:
    """Those saved by that age, an epoch each, the oldest first."""
    per_epoch = job.steps_per_epoch
    steps = (per_epoch * epoch for epoch in range(1, job.hyperparameters.n_epochs + 1)) if per_epoch else ()
    found = [Checkpoint(step, f"{job.tuned_name}:ckpt-step-{step}", _step_age(job, step)) for step in steps]
    return [one for one in found if one.age <= min(age, job.end_age)]


def events(job: Job, age: float) -> list[Event]:
    """Those that happened by that age, the oldest first."""
    happened = [event for event in _whole_life(job) if event.age <= min(age, job.end_age)]
    return happened if job.cancelled_age is None else [*happened, Event(job.cancelled_age, "Fine-tuning job cancelled")]


def metrics(job: Job, step: int) -> Json:
    """What a step reports: a loss that falls from 2 towards 0.33, and is no measurement of anything."""
    train_loss = round(0.3 + 1.7 * math.exp(-4 * step / job.num_steps), 2)
    accuracy = round(1 - train_loss / 4, 4)
    validation = {} if job.validation is None else {"valid_loss": train_loss, "valid_mean_token_accuracy": accuracy}
    return {"step": step, "train_loss": train_loss, "train_mean_token_accuracy": accuracy} | validation


def _whole_life(job: Job) -> Iterator[Event]:
    """What happens to a job that ends as it must."""
    yield Event(0.0, f"Created fine-tuning job: {job.id}")
    yield Event(0.0, f"Validating training file: {job.training_id}")
    if job.end_age > _CHECKED:
        yield Event(_CHECKED, "Files validated, moving job to queued state")
        yield Event(_STARTED, "Fine-tuning job started")
        for step in range(1, job.num_steps + 1):
            yield from _step_events(job, step)
    if job.problem is not None:
        yield Event(job.end_age, f"The job failed: {job.problem.message}", "error")
        return
    yield Event(_DONE, f"New fine-tuned model created: {job.tuned_name}")
    yield Event(_DONE, "The job has successfully completed")


def _step_events(job: Job, step: int) -> Iterator[Event]:
    told = metrics(job, step)
    message = f"Step {step}/{job.num_steps}: training loss={told['train_loss']:.2f}"
    yield Event(_step_age(job, step), message, data=told | {"total_steps": job.num_steps})
    if step % job.steps_per_epoch == 0:
        yield Event(_step_age(job, step), f"Checkpoint created at step {step}")


def _step_age(job: Job, step: int) -> float:
    return _STARTED + step / job.num_steps
