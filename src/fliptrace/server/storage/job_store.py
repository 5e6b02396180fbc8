"""The store of jobs: every change of a job's state is one transaction here.

    QUEUED -> RUNNING -> DONE | FAILED | CANCELLED,   RUNNING -> QUEUED if its worker died,   QUEUED -> CANCELLED

A job leaves RUNNING only in the attempt that it is in, so that a result is written once, whatever else comes late.
"""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from sqlalchemy import Engine, delete, func, select, update
from sqlalchemy.orm import Session

from fliptrace.server.settings import MAX_ATTEMPTS
from fliptrace.server.storage import search_index
from fliptrace.server.storage.correction_store import CorrectionStore
from fliptrace.server.storage.database import forget_deleted
from fliptrace.server.storage.jobs import (
    ClaimedJob,
    Finished,
    Job,
    JobFilter,
    JobPage,
    KeyUsedOtherwise,
    NewJob,
    QueueFull,
    Submitted,
)
from fliptrace.server.storage.tables import JobRow, JobState, ResultRow, TranscriptRow

_RECENT = 20  # ended jobs, from which the duration of the next one is estimated
_MAX_WAIT = 60  # seconds


class JobStore:
    """Jobs, results, their index and `corrections`. `on_change` is called with the id of a job after each change of it.

    Methods may be called from any thread. Writing is for one thread at a time, so that what a transaction has read
    stays true until it writes.
    """

    def __init__(self, engine: Engine, on_change: Callable[[str], None] = lambda _: None) -> None:
        self._engine = engine
        self._on_change = on_change
        self._writing_lock = Lock()
        self.corrections = CorrectionStore(engine, self._writing)

    def submit(self, new: NewJob, num_utterances: int, max_queued: int) -> Submitted:
        """Queue a conversation that was read without an error.

        If it came before with the same key, its first job is returned. KeyUsedOtherwise, or QueueFull.
        """
        with self._writing() as session:
            known = _with_key(session, new)
            if known is not None:
                return Submitted(known, is_new=False)
            if _count(session, JobState.QUEUED) >= max_queued:
                raise QueueFull
            row = JobRow(
                id=secrets.token_hex(16),
                name=new.name,
                model=new.model,
                options=new.options,
                state=JobState.QUEUED,
                attempts=0,
                created_at=time.time(),
                idempotency_key=new.idempotency_key,
                fingerprint=new.fingerprint,
                num_utterances=num_utterances,
            )
            session.add(row)
            session.flush()
            session.add(TranscriptRow(job=row.number, content=new.content))
            job = Job.of(row)
        self._on_change(job.id)
        return Submitted(job, is_new=True)

    def is_full(self, max_queued: int) -> bool:
        with Session(self._engine) as session:
            return _count(session, JobState.QUEUED) >= max_queued

    def known(self, new: NewJob) -> Job | None:
        """The job of a conversation that came before with the same key; KeyUsedOtherwise."""
        with Session(self._engine) as session:
            return _with_key(session, new)

    def get(self, id: str) -> Job | None:
        with Session(self._engine) as session:
            return _one(session, JobRow.id == id)

    def page(self, wanted: JobFilter, limit: int) -> JobPage:
        """The newest jobs that fit all parts of the filter. Words are found in jobs that are DONE."""
        rows = select(JobRow).order_by(JobRow.number.desc()).limit(limit + 1)
        if wanted.before is not None:
            rows = rows.where(JobRow.number < wanted.before)
        if wanted.states:
            rows = rows.where(JobRow.state.in_(wanted.states))
        if wanted.models:
            rows = rows.where(JobRow.model.in_(wanted.models))
        found = search_index.matches(wanted.query, JobRow.number)
        if found is not None:
            rows = rows.where(found)
        with Session(self._engine) as session:
            jobs = [Job.of(row) for row in session.scalars(rows)]
        return JobPage(jobs[:limit], jobs[limit - 1].number if len(jobs) > limit else None)

    def document(self, id: str) -> str | None:
        """The result of a job as JSON text; None if it has none."""
        with Session(self._engine) as session:
            return session.scalar(select(ResultRow.document).join(JobRow).where(JobRow.id == id))

    def num_by_state(self) -> dict[JobState, int]:
        with Session(self._engine) as session:
            counts = session.execute(select(JobRow.state, func.count()).group_by(JobRow.state)).all()
        return {JobState(state): num for state, num in counts}

    def seconds_per_job(self) -> float | None:
        """The mean duration of recent jobs; None if there are none."""
        recent = (
            select(JobRow.started_at, JobRow.ended_at)
            .where(JobRow.state == JobState.DONE)
            .order_by(JobRow.ended_at.desc())
            .limit(_RECENT)
        )
        with Session(self._engine) as session:
            seconds = [ended - started for started, ended in session.execute(recent) if started and ended]
        return sum(seconds) / len(seconds) if seconds else None

    def retry_after(self, num_workers: int) -> int:
        """The seconds after which a full queue probably has a free place."""
        return min(_MAX_WAIT, max(1, math.ceil((self.seconds_per_job() or 1) / num_workers)))

    def claim(self) -> ClaimedJob | None:
        """Take the oldest job of the queue to run it; None if the queue is empty."""
        oldest = select(JobRow).where(JobRow.state == JobState.QUEUED).order_by(JobRow.number).limit(1)
        with self._writing() as session:
            row = session.scalar(oldest)
            if row is None:
                return None
            row.state, row.attempts, row.started_at = JobState.RUNNING, row.attempts + 1, time.time()
            content = session.get_one(TranscriptRow, row.number).content
            claimed = ClaimedJob(Job.of(row), content)
        self._on_change(claimed.job.id)
        return claimed

    def finish(self, claimed: ClaimedJob, finished: Finished) -> bool:
        """Write the result of an attempt; False if the job does not run in this attempt any more."""
        with self._writing() as session:
            if not _end(session, claimed, JobState.DONE, num_flips=finished.num_flips):
                return False
            session.add(ResultRow(job=claimed.job.number, document=finished.document))
            search_index.add(session, claimed.job.number, finished.entry)
        self._on_change(claimed.job.id)
        return True

    def fail(self, claimed: ClaimedJob, error: str) -> bool:
        """Note why an attempt failed for good; False if the job does not run in this attempt any more."""
        with self._writing() as session:
            is_ended = _end(session, claimed, JobState.FAILED, error=error)
        if is_ended:
            self._on_change(claimed.job.id)
        return is_ended

    def put_back(self, claimed: ClaimedJob, *, counts: bool) -> None:
        """Queue a job again whose attempt broke off, or fail it if that was its last. `counts`: it was an attempt."""
        with self._writing() as session:
            row = session.scalar(_attempt(claimed))
            if row is not None:
                row.attempts -= not counts
                _queue_again(session, row)
        self._on_change(claimed.job.id)

    def recover(self) -> int:
        """Queue again what ran when the last server ended; the number of such jobs."""
        with self._writing() as session:
            rows = session.scalars(select(JobRow).where(JobRow.state == JobState.RUNNING)).all()
            for row in rows:
                _queue_again(session, row)
        return len(rows)

    def cancel(self, id: str) -> Job | None:
        """Cancel a job that has not ended, and return what became of it; None if there is no such job."""
        with self._writing() as session:
            row = session.scalar(select(JobRow).where(JobRow.id == id))
            if row is None:
                return None
            if not JobState(row.state).has_ended:
                row.state, row.ended_at = JobState.CANCELLED, time.time()
                _drop_transcript(session, row.number)
            job = Job.of(row)
        self._on_change(id)
        return job

    def delete(self, id: str) -> bool:
        """Delete a job with all its words from every file; False if there is no such job."""
        return self._delete(JobRow.id == id) > 0

    def delete_ended_before(self, moment: float) -> int:
        """Delete the jobs that ended before a time; the number of them."""
        return self._delete(JobRow.ended_at < moment)

    def _delete(self, condition: Any) -> int:
        with self._writing() as session:
            rows = session.execute(select(JobRow.number, JobRow.id).where(condition)).all()
            numbers = [number for number, _ in rows]
            if not numbers:
                return 0
            search_index.remove(session, numbers)
            session.execute(delete(JobRow).where(condition))
        for _, id in rows:
            self._on_change(id)
        forget_deleted(self._engine)
        return len(numbers)

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        with self._writing_lock, Session(self._engine, expire_on_commit=False) as session, session.begin():
            yield session


def _one(session: Session, condition: Any) -> Job | None:
    row = session.scalar(select(JobRow).where(condition))
    return None if row is None else Job.of(row)


def _with_key(session: Session, new: NewJob) -> Job | None:
    if new.idempotency_key is None:
        return None
    row = session.scalar(select(JobRow).where(JobRow.idempotency_key == new.idempotency_key))
    if row is not None and row.fingerprint != new.fingerprint:
        raise KeyUsedOtherwise
    return None if row is None else Job.of(row)


def _count(session: Session, state: JobState) -> int:
    return session.scalar(select(func.count()).where(JobRow.state == state)) or 0


def _attempt(claimed: ClaimedJob) -> Any:
    """Select the row of a job if it still runs in this attempt."""
    is_it = (JobRow.number == claimed.job.number, JobRow.state == JobState.RUNNING, JobRow.attempts == claimed.attempt)
    return select(JobRow).where(*is_it)


def _end(session: Session, claimed: ClaimedJob, state: JobState, **values: Any) -> bool:
    row = session.scalar(_attempt(claimed))
    if row is None:
        return False
    change = update(JobRow).where(JobRow.number == row.number).values(state=state, ended_at=time.time(), **values)
    session.execute(change)
    _drop_transcript(session, row.number)
    return True


def _queue_again(session: Session, row: JobRow) -> None:
    row.started_at = None
    if row.attempts < MAX_ATTEMPTS:
        row.state = JobState.QUEUED
        return
    row.state, row.ended_at = JobState.FAILED, time.time()
    row.error = f"its worker ended {row.attempts} times before the analysis did; see the log of the server"
    _drop_transcript(session, row.number)


def _drop_transcript(session: Session, number: int) -> None:
    session.execute(delete(TranscriptRow).where(TranscriptRow.job == number))
