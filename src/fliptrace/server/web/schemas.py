"""The values of the API, as clients see them. OpenAPI is made from these."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from fliptrace.analysis.corrections import Correction, read_correction
from fliptrace.server.changes import Progress
from fliptrace.server.options import AnalysisOptions
from fliptrace.server.storage.correction_store import KeptCorrection
from fliptrace.server.storage.jobs import Job
from fliptrace.server.storage.tables import JobState

_PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]*$"  # also nothing that turns the direction of text
Author = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=_PRINTABLE),
    Field(description="A name, as it was typed in; nobody checks it."),
]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class ProgressValue(_Value):
    """How far an analysis has come."""

    step: str = Field(description="`emotions`, `flips`, `evidence`, `words`.")
    num_done: int
    total: int


class JobValue(_Value):
    """A conversation that was handed in, and what became of it."""

    id: str
    name: str = Field(description="The name of the file, or the one given for the text.")
    model: str
    options: AnalysisOptions
    state: JobState
    progress: ProgressValue | None = Field(description="While it is RUNNING and has begun; else null.")
    attempts: int = Field(description="How often a worker began it: more than once if a worker or the server died.")
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    error: str | None = Field(description="Why it FAILED.")
    num_utterances: int
    num_flips: int | None = Field(description="Once it is DONE.")

    @classmethod
    def of(cls, job: Job, progress: Progress | None) -> JobValue:
        is_running = job.state is JobState.RUNNING
        return cls(
            id=job.id,
            name=job.name,
            model=job.model,
            options=AnalysisOptions.model_validate(job.options),
            state=job.state,
            progress=ProgressValue(**progress._asdict()) if progress is not None and is_running else None,
            attempts=job.attempts,
            created_at=_moment(job.created_at),
            started_at=None if job.started_at is None else _moment(job.started_at),
            ended_at=None if job.ended_at is None else _moment(job.ended_at),
            error=job.error,
            num_utterances=job.num_utterances,
            num_flips=job.num_flips,
        )


class JobList(_Value):
    """A page of jobs, the newest first."""

    jobs: list[JobValue]
    next: int | None = Field(description="The `before` of the next page; null on the last one.")


class DeletedJob(_Value):
    """A job that is gone."""

    id: str


class NewCorrection(BaseModel):
    """A correction to make, and who makes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    author: Author
    correction: Correction


class CorrectionValue(_Value):
    """A correction that was made."""

    number: int = Field(description="Grows with every correction; `undo` names it.")
    author: str
    correction: Correction
    created_at: datetime
    undone_at: datetime | None = Field(description="When it was taken back; null while it stands.")

    @classmethod
    def of(cls, kept: KeptCorrection) -> CorrectionValue:
        return cls(
            number=kept.number,
            author=kept.author,
            correction=read_correction(kept.value),
            created_at=_moment(kept.created_at),
            undone_at=None if kept.undone_at is None else _moment(kept.undone_at),
        )


class CorrectionList(_Value):
    """All corrections of a conversation, the oldest first, also those that were taken back."""

    corrections: list[CorrectionValue]


class Choices(_Value):
    """What may be chosen, and the limits of the service."""

    version: str
    models: list[str]
    formats: list[str]
    emotion_sets: list[str]
    samples: list[str]
    max_bytes: int = Field(description="Of a transcript.")
    keep_days: float | None = Field(description="Ended jobs are deleted after so many days; null: never.")
    has_token: bool


class Health(_Value):
    """Whether the service works."""

    status: str = Field(description="`ok`, or `no workers` while none of them lives.")


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
