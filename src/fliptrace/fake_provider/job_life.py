"""The state, events and checkpoints of a fine-tuning job as functions of its age. Nothing here waits or trains.

Age is counted in states: below 1 a job validates its files, below 2 it is queued, below 3 it runs, then it is done.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from fliptrace.core.files import Json
from fliptrace.curate.training_file import Problem, TrainingFile
from fliptrace.fake_provider.job_request import Hyperparameters, JobRequest
from fliptrace.fake_provider.settings import JobScript

Status = Literal["validating_files", "queued", "running", "succeeded", "failed", "cancelled"]
ORGANIZATION = "fliptrace"
_VALIDATED, _STARTED, _FAILED, _DONE = 1.0, 2.0, 2.5, 3.0
_STATUSES: tuple[Status, ...] = ("validating_files", "queued", "running", "succeeded")


@dataclass(frozen=True, slots=True)
class Job:
    """A job with its files parsed. `cancelled_age` is its age when it was cancelled."""

    id: str
    asked: JobRequest
    created_at: float
    script: JobScript
    hyperparameters: Hyperparameters
    training: TrainingFile
    validation: TrainingFile | None
    cancelled_age: float | None = None

    def age(self, now: float) -> float:
        """Return the age in states at a time in seconds since 1970."""
        if self.cancelled_age is not None:
            return self.cancelled_age
        return (now - self.created_at) / self.script.step_seconds if self.script.step_seconds else math.inf

    @property
    def problem(self) -> Problem | None:
        """The error that the job fails with, unless it is cancelled earlier; None where it succeeds."""
        read = (self.training, self.validation)
        invalid = next((file.problem for file in read if file is not None and file.problem is not None), None)
        return invalid or (Problem("training_failed", self.script.fail_with) if self.script.fail_with else None)

    @property
    def end_age(self) -> float:
        """The age at which the job ends, unless it is cancelled earlier."""
        if self.problem is None:
            return _DONE
        return _FAILED if self.problem.param is None else _VALIDATED

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
        """The name of the model that the job makes. For a tuned model it contains the original base."""
        model = self.asked.model
        base = model.split(":")[1] if model.startswith("ft:") else model
        return f"ft:{base}:{ORGANIZATION}:{self.asked.suffix}:{self.id.removeprefix('ftjob-')[:8]}"


class Checkpoint(NamedTuple):
    """The model after an epoch. `age` is the age of the job when it was saved."""

    step: int
    name: str
    age: float


class Event(NamedTuple):
    """A message of a job. `data` holds the metrics of a step; it is None for other messages."""

    age: float
    message: str
    level: Literal["info", "error"] = "info"
    data: Json | None = None


def checkpoints(job: Job, age: float) -> list[Checkpoint]:
    """Return the checkpoints saved by that age, one per epoch, oldest first."""
    per_epoch = job.steps_per_epoch
    steps = (per_epoch * epoch for epoch in range(1, job.hyperparameters.n_epochs + 1)) if per_epoch else ()
    found = [Checkpoint(step, f"{job.tuned_name}:ckpt-step-{step}", _step_age(job, step)) for step in steps]
    return [one for one in found if one.age <= min(age, job.end_age)]


def events(job: Job, age: float) -> list[Event]:
    """Return the events up to that age, oldest first."""
    happened = [event for event in _all_events(job) if event.age <= min(age, job.end_age)]
    return happened if job.cancelled_age is None else [*happened, Event(job.cancelled_age, "Fine-tuning job cancelled")]


def metrics(job: Job, step: int) -> Json:
    """Return the metrics of a step. They are made up: a loss that falls from 2 towards 0.33."""
    train_loss = round(0.3 + 1.7 * math.exp(-4 * step / job.num_steps), 2)
    accuracy = round(1 - train_loss / 4, 4)
    validation = {} if job.validation is None else {"valid_loss": train_loss, "valid_mean_token_accuracy": accuracy}
    return {"step": step, "train_loss": train_loss, "train_mean_token_accuracy": accuracy} | validation


def _all_events(job: Job) -> Iterator[Event]:
    """Yield all events of a job that is not cancelled."""
    yield Event(0.0, f"Created fine-tuning job: {job.id}")
    yield Event(0.0, f"Validating training file: {job.asked.training_file}")
    if job.end_age > _VALIDATED:
        yield Event(_VALIDATED, "Files validated, moving job to queued state")
        yield Event(_STARTED, "Fine-tuning job started")
        for step in range(1, job.num_steps + 1):
            yield from _step_events(job, step)
    if job.problem is not None:
        yield Event(job.end_age, f"The job failed: {job.problem.message}", "error")
        return
    yield Event(_DONE, f"New fine-tuned model created: {job.tuned_name}")
    yield Event(_DONE, "The job has successfully completed")


def _step_events(job: Job, step: int) -> Iterator[Event]:
    measured = metrics(job, step)
    message = f"Step {step}/{job.num_steps}: training loss={measured['train_loss']:.2f}"
    yield Event(_step_age(job, step), message, data=measured | {"total_steps": job.num_steps})
    if step % job.steps_per_epoch == 0:
        yield Event(_step_age(job, step), f"Checkpoint created at step {step}")


def _step_age(job: Job, step: int) -> float:
    return _STARTED + step / job.num_steps
