"""The store of corrections: nothing is lost but with its conversation, and only the last word is taken back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from services import bytes_in, new_job, open_store
from sqlalchemy import create_engine

from fliptrace.server.storage import database
from fliptrace.server.storage.correction_store import CorrectionStore, NotTheLast
from fliptrace.server.storage.job_store import JobStore
from fliptrace.server.storage.jobs import Finished, Job
from fliptrace.server.storage.search_index import IndexEntry

JOY = {"kind": "emotion", "utterance": 0, "emotion": "joy"}
FLIP = {"kind": "flip", "target": 2, "is_flip": False}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    store, engine = open_store(tmp_path / "data")
    yield store
    engine.dispose()


@pytest.fixture
def kept(store: JobStore) -> CorrectionStore:
    return store.corrections


def done(store: JobStore) -> Job:
    job = store.submit(new_job(), 4, 100).job
    claimed = store.claim()
    assert claimed is not None and store.finish(claimed, Finished("{}", IndexEntry("", "", "", "", ""), 0))
    return job


def add(kept: CorrectionStore, job: Job, value: dict[str, Any], author: str = "Mia") -> int:
    correction = kept.add(job, value, author)
    assert correction is not None
    return correction.number


def test_corrections_are_listed_in_order_by_conversation(store: JobStore, kept: CorrectionStore) -> None:
    job, other = done(store), done(store)
    add(kept, job, JOY)
    add(kept, other, FLIP)
    add(kept, job, FLIP, "Jo")
    assert [(each.value, each.author) for each in kept.history(job)] == [(JOY, "Mia"), (FLIP, "Jo")]
    assert kept.standing(other) == [FLIP]
    assert kept.history(job)[0].created_at <= kept.history(job)[1].created_at


def test_only_the_last_that_stands_is_taken_back_and_it_stays_in_the_history(
    store: JobStore, kept: CorrectionStore
) -> None:
    job, other = done(store), done(store)
    first, second = add(kept, job, JOY), add(kept, job, FLIP)
    add(kept, other, FLIP)
    with pytest.raises(NotTheLast):
        kept.undo(job, first)
    undone = kept.undo(job, second)
    assert undone is not None and undone.undone_at is not None
    assert kept.standing(job) == [JOY]
    with pytest.raises(NotTheLast):
        kept.undo(job, second)
    assert kept.undo(job, first) is not None
    assert kept.standing(job) == [] and len(kept.history(job)) == 2
    assert kept.standing(other) == [FLIP]


def test_a_correction_of_another_conversation_is_not_taken_back(store: JobStore, kept: CorrectionStore) -> None:
    job, other = done(store), done(store)
    number = add(kept, job, JOY)
    assert kept.undo(other, number) is None and kept.undo(job, number + 1) is None
    assert kept.standing(job) == [JOY]


def test_corrections_are_deleted_with_their_conversation_for_good(
    store: JobStore, kept: CorrectionStore, tmp_path: Path
) -> None:
    job, other = done(store), done(store)
    number = add(kept, job, JOY, "zucchini")
    add(kept, other, FLIP)
    assert b"zucchini" in bytes_in(tmp_path)
    store.delete(job.id)
    assert b"zucchini" not in bytes_in(tmp_path)
    assert kept.history(job) == [] and kept.standing(other) == [FLIP]
    assert kept.add(job, JOY, "Mia") is None and kept.undo(job, number) is None


def test_conversations_with_corrections_that_stand_are_found(store: JobStore, kept: CorrectionStore) -> None:
    jobs = [done(store) for _ in range(3)]
    waiting = store.submit(new_job(), 4, 100).job
    add(kept, jobs[2], JOY)
    add(kept, jobs[0], JOY)
    kept.undo(jobs[1], add(kept, jobs[1], JOY))
    assert [job.id for job in kept.corrected_jobs()] == [jobs[0].id, jobs[2].id]
    assert [job.id for job in kept.corrected_jobs([jobs[1].id, waiting.id])] == [jobs[1].id]


def test_a_database_of_the_first_version_is_migrated_with_its_jobs(tmp_path: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
    engine = create_engine(f"sqlite:///{tmp_path / database.FILE}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql(
            "INSERT INTO jobs (number, id, name, model, options, state, attempts, created_at, fingerprint, "
            "num_utterances) VALUES (7, 'old', 'old.csv', 'm', '{}', 'DONE', 1, 0.0, '', 4)"
        )
        assert "corrections" not in connection.exec_driver_sql("SELECT group_concat(name) FROM sqlite_master").scalar()
    engine.dispose()
    store, engine = open_store(tmp_path)
    job = store.get("old")
    assert job is not None and job.number == 7
    add(store.corrections, job, JOY)
    assert store.corrections.standing(job) == [JOY]
    with closing(engine.raw_connection()) as connection:
        assert connection.execute("SELECT kind FROM corrections").fetchone() == ("emotion",)
    engine.dispose()
