"""Corrections of the results of jobs: added, listed, taken back. They are deleted with their job."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields

from sqlalchemy import Engine, exists, select
from sqlalchemy.orm import Session

from fliptrace.core.files import Json
from fliptrace.server.storage.jobs import Job
from fliptrace.server.storage.tables import CorrectionRow, JobRow, JobState


class NotTheLast(Exception):
    """A correction cannot be taken back: a later one stands, or it was taken back before."""


@dataclass(frozen=True, slots=True)
class KeptCorrection:
    """A correction as the database has it (tables.CorrectionRow). `undone_at` is None while it stands."""

    number: int
    value: Json
    author: str
    created_at: float
    undone_at: float | None

    @classmethod
    def of(cls, row: CorrectionRow) -> KeptCorrection:
        return cls(**{field.name: getattr(row, field.name) for field in fields(cls)})


class CorrectionStore:
    """The corrections of all jobs. Methods may be called from any thread; `writing` is that of the store of jobs."""

    def __init__(self, engine: Engine, writing: Callable[[], AbstractContextManager[Session]]) -> None:
        self._engine = engine
        self._writing = writing

    def history(self, job: Job) -> list[KeptCorrection]:
        """All corrections of a job in the order in which they were made, also those that were taken back."""
        rows = select(CorrectionRow).where(CorrectionRow.job == job.number).order_by(CorrectionRow.number)
        with Session(self._engine) as session:
            return [KeptCorrection.of(row) for row in session.scalars(rows)]

    def standing(self, job: Job) -> list[Json]:
        """The values of the corrections of a job that were not taken back, in order."""
        return [each.value for each in self.history(job) if each.undone_at is None]

    def add(self, job: Job, value: Json, author: str) -> KeptCorrection | None:
        """Keep a correction; None if its job was deleted meanwhile."""
        with self._writing() as session:
            if session.get(JobRow, job.number) is None:
                return None
            row = CorrectionRow(
                job=job.number, kind=value["kind"], value=value, author=author, created_at=time.time(), undone_at=None
            )
            session.add(row)
            session.flush()
            return KeptCorrection.of(row)

    def undo(self, job: Job, number: int) -> KeptCorrection | None:
        """Take back the last correction that stands. None if the job has none of this number; NotTheLast."""
        standing = select(CorrectionRow).where(CorrectionRow.job == job.number, CorrectionRow.undone_at.is_(None))
        with self._writing() as session:
            row = session.get(CorrectionRow, number)
            if row is None or row.job != job.number:
                return None
            if row is not session.scalar(standing.order_by(CorrectionRow.number.desc()).limit(1)):
                raise NotTheLast
            row.undone_at = time.time()
            return KeptCorrection.of(row)

    def corrected_jobs(self, ids: Sequence[str] = ()) -> list[Job]:
        """The jobs of these ids that are DONE, or all that have corrections that stand; the oldest first."""
        rows = select(JobRow).where(JobRow.state == JobState.DONE).order_by(JobRow.number)
        is_of_job = (CorrectionRow.job == JobRow.number, CorrectionRow.undone_at.is_(None))
        rows = rows.where(JobRow.id.in_(ids) if ids else exists().where(*is_of_job))
        with Session(self._engine) as session:
            return [Job.of(row) for row in session.scalars(rows)]
