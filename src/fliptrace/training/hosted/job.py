"""A fine-tuning job at a provider: created once, followed to its end, and resumed by a client that was killed.

What is needed to find a job again is on disk before the job is created: its training file is uploaded under a unique
name, and no two jobs of ours use the same file.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from fliptrace.core.errors import RunError, damage_named
from fliptrace.core.files import Json, inside, read_object, write_json
from fliptrace.models.hosted.client import retry_blocking
from fliptrace.models.hosted.errors import NoSuchModel
from fliptrace.models.hosted.provider import Provider

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent

T = TypeVar("T")

_ENDED = ("succeeded", "failed", "cancelled")
_FIRST_POLL_SECONDS = 0.5
_MAX_POLL_SECONDS = 15.0
_MAX_PAGES = 200  # of 100 items
_STEP = re.compile(r"step (\d+)/(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class JobOrder:
    """The settings of a job: supervised training on the last reply of every row of `training_file`."""

    model: str
    training_file: Path
    seed: int
    suffix: str
    metadata: dict[str, str]
    hyperparameters: Json


@dataclass(frozen=True, slots=True)
class JobRecord:
    """What is known of a stage's job, written to disk before each next step. `token` names the uploaded file."""

    token: str
    file_id: str | None = None
    job_id: str | None = None

    @property
    def filename(self) -> str:
        return f"fliptrace-{self.token}.jsonl"

    @classmethod
    def read(cls, path: Path) -> JobRecord | None:
        """Read a record; None where there is no file."""
        if not path.exists():
            return None
        with damage_named(path):
            return cls(**read_object(path))

    def write(self, path: Path) -> JobRecord:
        write_json(path, asdict(self))
        return self


class Progress(NamedTuple):
    """The progress of a job: a step, the number of steps and the loss, each of these two None where not reported."""

    step: int
    num_steps: int | None
    loss: float | None


@dataclass(frozen=True, slots=True)
class FineTuningJobs:
    """Creates, follows and cancels the job of one stage at a provider.

    `record` is the path of its JobRecord. `tell` is called with what a user should know about the job.
    """

    provider: Provider
    client: OpenAI
    record: Path
    tell: Callable[[str], None]

    def find_or_make(self, order: JobOrder, before_making: Callable[[], None]) -> FineTuningJob:
        """Find the job of the record or create one. `before_making` runs before anything is uploaded or paid for."""
        record = JobRecord.read(self.record) or JobRecord(secrets.token_hex(8)).write(self.record)
        if record.job_id is not None:
            return self._retrieve_known(record.job_id)
        found = self._find_job(record) if record.file_id is not None else None
        if found is None:
            before_making()
            if record.file_id is None:
                file_id = self._find_file(record) or self._upload(order, record)
                record = replace(record, file_id=file_id).write(self.record)
            found = self._find_or_create(order, record)
        replace(record, job_id=found.id).write(self.record)
        return found

    def _retrieve_known(self, job_id: str) -> FineTuningJob:
        try:
            return self.retrieve(job_id)
        except NoSuchModel:
            raise RunError(
                self.record,
                f"job {job_id} is not known at {self.provider.url}; delete this file to train the stage again",
            ) from None

    def follow(self, job: FineTuningJob, on_progress: Callable[[Progress], None]) -> FineTuningJob:
        """Wait for the job to end and return it. RunError with the provider's reason where it did not succeed.

        The record of such a job is set aside, so that the same command creates a new one.
        """
        self.tell(f"{self.provider.ref} is trained by job {job.id}, which continues if you stop; --cancel ends it")
        seen: set[str] = set()
        status, pause = "", _FIRST_POLL_SECONDS
        while True:
            job = self.retrieve(job.id)
            if job.status != status:
                status = job.status
                self.tell(f"{job.id}: {status.replace('_', ' ')}")
            for event in self._new_events(job.id, seen):
                progress = _read_progress(event)
                if progress is not None:
                    on_progress(progress)
            if job.status in _ENDED:
                break
            time.sleep(pause)
            pause = min(_MAX_POLL_SECONDS, pause * 1.5)
        if job.status != "succeeded":
            self._set_record_aside(job.id)
            raise RunError(self.provider.ref, f"job {job.id} {job.status}: {_reason(job)}")
        return job

    def retrieve(self, job_id: str) -> FineTuningJob:
        return self._retried(partial(self.client.fine_tuning.jobs.retrieve, job_id))

    def cancel(self) -> str | None:
        """Cancel the job of the record, set the record aside and return the job's id; None where no job is active."""
        record = JobRecord.read(self.record)
        if record is None or record.file_id is None:
            return None
        job = self._retrieve_known(record.job_id) if record.job_id else self._find_job(record)
        if job is None or job.status in _ENDED:
            return None
        self._retried(partial(self.client.fine_tuning.jobs.cancel, job.id))
        self._set_record_aside(job.id)
        return job.id

    def _set_record_aside(self, job_id: str) -> None:
        """Rename the record, so that the next run of the stage creates a new job."""
        self.record.rename(inside(self.record.parent, f"job-{job_id.replace('/', '-')}.json"))

    def checkpoints(self, job: FineTuningJob) -> list[str]:
        """Return the names of the models that the job saved, oldest first; the last is its final model."""
        try:
            found = self._retried(
                lambda: list(_items(self.client.fine_tuning.jobs.checkpoints.list(job.id, limit=100)))
            )
        except NoSuchModel:  # a provider without a list of checkpoints has only the final model
            found = []
        by_step = sorted(found, key=lambda checkpoint: checkpoint.step_number)
        assert job.fine_tuned_model is not None
        # The last checkpoint is the final model, under the same or another name.
        return [*(each.fine_tuned_model_checkpoint for each in by_step[:-1]), job.fine_tuned_model]

    def _find_or_create(self, order: JobOrder, record: JobRecord) -> FineTuningJob:
        """Create the job. Every retry first looks for it: it may exist and cost money although the connection broke."""

        def find_or_create() -> FineTuningJob:
            return self._find_job(record) or self._create(order, record)

        return self._retried(find_or_create)

    def _create(self, order: JobOrder, record: JobRecord) -> FineTuningJob:
        assert record.file_id is not None
        supervised: Any = {"hyperparameters": order.hyperparameters}
        return self.client.fine_tuning.jobs.create(
            model=order.model,
            training_file=record.file_id,
            seed=order.seed,
            suffix=order.suffix,
            metadata=order.metadata,
            method={"type": "supervised", "supervised": supervised},
        )

    def _find_job(self, record: JobRecord) -> FineTuningJob | None:
        jobs = self._retried(lambda: list(_items(self.client.fine_tuning.jobs.list(limit=100))))
        return next((job for job in jobs if job.training_file == record.file_id), None)

    def _find_file(self, record: JobRecord) -> str | None:
        files = self._retried(lambda: list(_items(self.client.files.list(purpose="fine-tune"))))
        return next((file.id for file in files if file.filename == record.filename), None)

    def _upload(self, order: JobOrder, record: JobRecord) -> str:
        content = order.training_file.read_bytes()
        upload = partial(self.client.files.create, file=(record.filename, content), purpose="fine-tune")
        return self._retried(upload).id

    def _new_events(self, job_id: str, seen: set[str]) -> list[FineTuningJobEvent]:
        """Return the events that are not in `seen`, oldest first; providers list the newest first."""

        def read() -> Iterator[FineTuningJobEvent]:
            for event in _items(self.client.fine_tuning.jobs.list_events(job_id, limit=100)):
                if event.id in seen:
                    return
                yield event

        new = self._retried(lambda: list(read()))
        seen.update(event.id for event in new)
        return new[::-1]

    def _retried(self, work: Callable[[], T]) -> T:
        return retry_blocking(self.provider, work)


def _items(first: Any) -> Iterator[Any]:
    """Yield the items of a list in pages, as far as _MAX_PAGES: a server may say for ever that there are more."""
    for page in islice(first.iter_pages(), _MAX_PAGES):
        yield from page.data


def _read_progress(event: FineTuningJobEvent) -> Progress | None:
    """Read the progress from a metrics event; None for any other event."""
    data = event.data if isinstance(event.data, dict) else {}
    named = _STEP.search(event.message)
    step = data.get("step", named and int(named[1]))
    if step is None:
        return None
    total = data.get("total_steps", named and int(named[2]))
    loss = data.get("train_loss")
    return Progress(int(step), None if total is None else int(total), None if loss is None else float(loss))


def _reason(job: FineTuningJob) -> str:
    error = job.error
    if error is None or not error.message:
        return "the provider gave no reason"
    where = f" ({error.code}{f', {error.param}' if error.param else ''})" if error.code else ""
    return f"{error.message}{where}"
