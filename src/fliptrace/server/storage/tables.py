"""The tables of the database, in SQLAlchemy's terms. A change here needs a new version in migrations/versions.

Times are seconds since 1970, UTC. A job's number grows with its arrival; its id, which clients see, cannot be guessed.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Float, ForeignKey, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

MAX_NUMBER = 2**63 - 1  # of a job or a correction: as far as SQLite counts


class JobState(StrEnum):
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def has_ended(self) -> bool:
        return self not in (JobState.QUEUED, JobState.RUNNING)


class Table(DeclarativeBase):
    pass


class JobRow(Table):
    """A conversation to analyze and what became of it. The counts are known once it is DONE."""

    __tablename__ = "jobs"
    __table_args__ = (Index("jobs_by_state", "state", "number"), {"sqlite_autoincrement": True})

    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[str] = mapped_column(String(32), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    model: Mapped[str] = mapped_column(String(200))
    options: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[float] = mapped_column(Float)
    started_at: Mapped[float | None] = mapped_column(Float)
    ended_at: Mapped[float | None] = mapped_column(Float)
    error: Mapped[str | None] = mapped_column(Text)
    idempotency_key: Mapped[str | None] = mapped_column(String(200), unique=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    num_utterances: Mapped[int] = mapped_column(Integer)
    num_flips: Mapped[int | None] = mapped_column(Integer)


class TranscriptRow(Table):
    """The uploaded file of a job that has not ended."""

    __tablename__ = "transcripts"

    job: Mapped[int] = mapped_column(ForeignKey("jobs.number", ondelete="CASCADE"), primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class CorrectionRow(Table):
    """What a person corrected in the analysis of a job: a value of analysis/corrections.py, whose kind it repeats.

    One that was taken back stays, with the time when.
    """

    __tablename__ = "corrections"
    __table_args__ = (Index("corrections_by_job", "job", "number"), {"sqlite_autoincrement": True})

    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    job: Mapped[int] = mapped_column(ForeignKey("jobs.number", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(16))
    value: Mapped[dict[str, Any]] = mapped_column(JSON)
    author: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[float] = mapped_column(Float)
    undone_at: Mapped[float | None] = mapped_column(Float)


class ResultRow(Table):
    """The analysis of a job that is DONE: a document of analysis/schema.py, as JSON text."""

    __tablename__ = "results"

    job: Mapped[int] = mapped_column(ForeignKey("jobs.number", ondelete="CASCADE"), primary_key=True)
    document: Mapped[str] = mapped_column(Text)
