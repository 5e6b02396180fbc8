"""The values that the store of jobs takes and gives."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from typing import NamedTuple

from fliptrace.core.files import Json, hash_json
from fliptrace.server.storage.search_index import IndexEntry
from fliptrace.server.storage.tables import JobRow, JobState


class QueueFull(Exception):
    """As many jobs wait as may wait."""


class KeyUsedOtherwise(Exception):
    """An idempotency key came before, with another conversation, model or options."""


@dataclass(frozen=True, slots=True)
class NewJob:
    """A conversation to analyze: `content` is the file, `name` its name, which is never a path."""

    name: str
    content: bytes
    model: str
    options: Json
    idempotency_key: str | None = None

    @property
    def fingerprint(self) -> str:
        """The same for the same request, so that a key is recognized that is used for another one."""
        content = hashlib.sha256(self.content).hexdigest()
        return hash_json([self.name, content, self.model, self.options])


@dataclass(frozen=True, slots=True)
class Job:
    """A job as the database has it (tables.JobRow)."""

    number: int
    id: str
    name: str
    model: str
    options: Json
    state: JobState
    attempts: int
    created_at: float
    started_at: float | None
    ended_at: float | None
    error: str | None
    num_utterances: int
    num_flips: int | None

    @classmethod
    def of(cls, row: JobRow) -> Job:
        values = {field.name: getattr(row, field.name) for field in fields(cls)}
        return cls(**values | {"state": JobState(row.state)})


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job that a worker analyzes, in its attempt number `attempt`, from 1."""

    job: Job
    content: bytes

    @property
    def attempt(self) -> int:
        return self.job.attempts


class Finished(NamedTuple):
    """The result of a job: the document as JSON text, its entry in the index, the number of its flips."""

    document: str
    entry: IndexEntry
    num_flips: int


class Submitted(NamedTuple):
    job: Job
    is_new: bool


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs to list; empty: all. `before` is the number of a job: only older ones are listed."""

    query: str = ""
    states: tuple[JobState, ...] = ()
    models: tuple[str, ...] = ()
    before: int | None = None


class JobPage(NamedTuple):
    """Jobs, the newest first. `next` is the `before` of the next page, None on the last one."""

    jobs: list[Job]
    next: int | None
