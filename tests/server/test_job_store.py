"""The store of jobs: a job is never lost and ends once; what is deleted is gone from every file."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from services import TABLE, bytes_in, new_job, open_store
from sqlalchemy import Engine

from fliptrace.core.errors import RunError
from fliptrace.server import service
from fliptrace.server.settings import MAX_ATTEMPTS
from fliptrace.server.storage import database
from fliptrace.server.storage.job_store import JobStore
from fliptrace.server.storage.jobs import Finished, Job, JobFilter, KeyUsedOtherwise, QueueFull
from fliptrace.server.storage.search_index import IndexEntry
from fliptrace.server.storage.tables import JobState, Table

RESULT = Finished('{"zucchini": 1}', IndexEntry("farm.csv", "zucchini smoke", "Ana\nBo", "joy", "joy to fear"), 2)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[tuple[JobStore, Engine]]:
    store, engine = open_store(tmp_path / "data")
    yield store, engine
    engine.dispose()


@pytest.fixture
def store(opened: tuple[JobStore, Engine]) -> JobStore:
    return opened[0]


def queued(store: JobStore, text: str = TABLE, key: str | None = None) -> Job:
    return store.submit(new_job(text, key), 4, 100).job


def state_of(store: JobStore, job: Job) -> JobState:
    found = store.get(job.id)
    assert found is not None
    return found.state


def test_a_job_is_queued_runs_and_is_done_with_its_result(store: JobStore) -> None:
    job = queued(store)
    assert job.state is JobState.QUEUED and store.document(job.id) is None
    claimed = store.claim()
    assert claimed is not None and claimed.job.id == job.id
    assert (claimed.content.decode(), claimed.attempt) == (TABLE, 1)
    assert state_of(store, job) is JobState.RUNNING
    assert store.finish(claimed, RESULT)
    done = store.get(job.id)
    assert done is not None and (done.state, done.num_flips, done.num_utterances) == (JobState.DONE, 2, 4)
    assert done.started_at is not None and done.ended_at is not None
    assert done.created_at <= done.started_at <= done.ended_at
    assert store.document(job.id) == RESULT.document


def test_jobs_are_claimed_in_the_order_of_their_arrival(store: JobStore) -> None:
    ids = [queued(store).id for _ in range(3)]
    assert [claimed.job.id for claimed in (store.claim(), store.claim(), store.claim()) if claimed] == ids
    assert store.claim() is None


def test_an_upload_is_dropped_when_its_job_ends(opened: tuple[JobStore, Engine]) -> None:
    store, engine = opened
    for end in ("finish", "fail", "cancel"):
        job = queued(store)
        claimed = store.claim()
        assert claimed is not None
        store.finish(claimed, RESULT) if end == "finish" else None
        store.fail(claimed, "no") if end == "fail" else None
        store.cancel(job.id) if end == "cancel" else None
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM transcripts").scalar() == 0


def test_a_result_is_written_in_the_attempt_that_runs_and_once(store: JobStore) -> None:
    job = queued(store)
    first = store.claim()
    assert first is not None
    store.put_back(first, counts=True)
    second = store.claim()
    assert second is not None and second.attempt == 2
    assert not store.finish(first, RESULT)
    assert store.finish(second, RESULT)
    assert not store.finish(second, RESULT)
    assert not store.fail(second, "late")
    assert state_of(store, job) is JobState.DONE


def test_a_job_whose_worker_dies_again_and_again_fails(store: JobStore) -> None:
    job = queued(store)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        claimed = store.claim()
        assert claimed is not None and claimed.attempt == attempt
        store.put_back(claimed, counts=True)
    failed = store.get(job.id)
    assert failed is not None and failed.state is JobState.FAILED
    assert f"its worker ended {MAX_ATTEMPTS} times" in (failed.error or "")


def test_an_attempt_that_the_server_broke_off_does_not_count(store: JobStore) -> None:
    queued(store)
    for _ in range(MAX_ATTEMPTS + 1):
        claimed = store.claim()
        assert claimed is not None and claimed.attempt == 1
        store.put_back(claimed, counts=False)


def test_what_ran_when_the_server_was_killed_is_queued_again(tmp_path: Path) -> None:
    store, engine = open_store(tmp_path)
    job, other = queued(store), queued(store)
    store.claim()
    engine.dispose()
    store, engine = open_store(tmp_path)
    assert store.recover() == 1
    assert [state_of(store, job), state_of(store, other)] == [JobState.QUEUED] * 2
    claimed = store.claim()
    assert claimed is not None and (claimed.job.id, claimed.attempt) == (job.id, 2)
    engine.dispose()


def test_the_queue_is_bounded_and_running_jobs_are_not_in_it(store: JobStore) -> None:
    store.submit(new_job(), 4, 1)
    with pytest.raises(QueueFull):
        store.submit(new_job(), 4, 1)
    assert store.is_full(1)
    store.claim()
    store.submit(new_job(), 4, 1)


def test_the_same_key_gets_the_same_job_and_another_request_is_refused(store: JobStore) -> None:
    first = store.submit(new_job(key="k1"), 4, 1)
    again = store.submit(new_job(key="k1"), 4, 1)  # though the queue is full
    assert (first.is_new, again.is_new, first.job.id) == (True, False, again.job.id)
    with pytest.raises(KeyUsedOtherwise):
        store.submit(new_job("Ana: hi", key="k1"), 1, 100)
    with pytest.raises(KeyUsedOtherwise):
        store.known(new_job(key="k1", model="itself"))


def test_a_job_is_cancelled_while_it_waits_or_runs_but_not_afterwards(store: JobStore) -> None:
    waiting = queued(store)
    assert store.cancel(waiting.id).state is JobState.CANCELLED  # type: ignore[union-attr]
    running = queued(store)
    claimed = store.claim()
    assert claimed is not None and claimed.job.id == running.id
    store.cancel(running.id)
    assert not store.finish(claimed, RESULT)
    store.put_back(claimed, counts=True)
    assert state_of(store, running) is JobState.CANCELLED
    done = queued(store)
    claimed = store.claim()
    assert claimed is not None and store.finish(claimed, RESULT)
    assert store.cancel(done.id).state is JobState.DONE  # type: ignore[union-attr]
    assert store.cancel("no such job") is None


def test_deleting_leaves_no_word_in_any_file(tmp_path: Path) -> None:
    store, engine = open_store(tmp_path)
    kept = queued(store, TABLE.replace("zucchini", "aubergine"))
    claimed = store.claim()
    assert claimed is not None
    entry = IndexEntry("kept", "aubergine " * 900, "Ana", "joy", "joy to fear")
    store.finish(claimed, Finished('{"aubergine": 1}' * 500, entry, 1))
    deleted = [queued(store, TABLE * 300) for _ in range(3)]
    for number in range(2):
        claimed = store.claim()
        assert claimed is not None
        words = " ".join(f"zucchini{i} marvellous" for i in range(number, 5_000, 2))
        store.finish(claimed, Finished('{"zucchini": 1}' * 9_000, IndexEntry("zucchini", words, "", "", ""), 1))
    assert bytes_in(tmp_path).count(b"zucchini") > 1_000
    for job in deleted:
        assert store.delete(job.id)
    assert store.get(deleted[0].id) is None and not store.delete(deleted[0].id)
    left = bytes_in(tmp_path)
    assert b"zucchini" not in left and b"marvellous" not in left
    assert b"aubergine" in left
    assert [job.id for job in store.page(JobFilter("aubergine"), 10).jobs] == [kept.id]
    engine.dispose()
    assert b"zucchini" not in bytes_in(tmp_path)


def test_jobs_that_ended_long_ago_are_deleted_and_waiting_ones_are_not(store: JobStore) -> None:
    old = queued(store)
    store.cancel(old.id)
    waiting = queued(store)
    assert store.delete_ended_before(time.time() - 60) == 0
    assert store.delete_ended_before(time.time() + 1) == 1
    assert store.get(old.id) is None and store.get(waiting.id) is not None


def test_a_service_with_a_limit_of_age_deletes_by_itself(store: JobStore) -> None:
    old = queued(store)
    store.cancel(old.id)
    with service._cleaning(store, max_age_seconds=-1.0):
        until = time.monotonic() + 60
        while store.get(old.id) is not None and time.monotonic() < until:
            time.sleep(0.01)
    assert store.get(old.id) is None


def test_the_data_folder_is_closed_to_other_users(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    store, engine = open_store(folder)
    queued(store)
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {"fliptrace.sqlite", "fliptrace.sqlite-wal"} <= set(modes)
    assert set(modes.values()) == {0o600}
    engine.dispose()


def test_the_migrations_make_the_tables_as_the_code_knows_them(opened: tuple[JobStore, Engine]) -> None:
    def is_ours(thing: object, name: str | None, kind: str, *_: object) -> bool:
        return not (kind == "table" and str(name).startswith("search_index"))

    with opened[1].connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": is_ours, "compare_type": True})
        assert compare_metadata(context, Table.metadata) == []


def test_a_database_is_opened_again_as_it_was_and_a_lost_index_is_made_anew(tmp_path: Path) -> None:
    store, engine = open_store(tmp_path)
    job = queued(store)
    claimed = store.claim()
    utterances = '[{"speaker": "Ana", "text": "A zucchini", "emotion": "joy"}]'
    assert claimed is not None
    store.finish(claimed, RESULT._replace(document=f'{{"utterances": {utterances}, "flips": []}}'))
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE search_index")
    engine.dispose()
    store, engine = open_store(tmp_path)
    assert [found.id for found in store.page(JobFilter("zucchini"), 10).jobs] == [job.id]
    engine.dispose()


@pytest.mark.parametrize("kind", ["no database", "newer", "another program's"])
def test_a_database_that_is_not_ours_is_refused_and_left_as_it_is(kind: str, tmp_path: Path) -> None:
    path = tmp_path / database.FILE
    if kind == "no database":
        path.write_bytes(b"words" * 1_000)
    elif kind == "newer":
        _, engine = open_store(tmp_path)
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        engine.dispose()
    else:
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE jobs (title TEXT)")
        connection.close()
    with pytest.raises(RunError, match="expected the database of this version of fliptrace"):
        open_store(tmp_path)
