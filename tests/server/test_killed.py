"""The real service, in processes of its own, killed (SIGKILL, without cleanup) in the middle of its work."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest
from running_service import PATIENCE, Running, expected, serving, wait_for
from services import TABLE, bytes_in, long_table, new_job, open_store

from fliptrace.core.errors import InputError, RunError
from fliptrace.server.service import running
from fliptrace.server.settings import ServerSettings
from fliptrace.server.storage.tables import JobState

_LONG = long_table(1_000)  # about a second of analysis


def is_in_the_middle(service: Running, id: str, attempt: int) -> bool:
    job = service.job(id)
    assert job["state"] in ("QUEUED", "RUNNING"), "it ended before it could be killed"
    return job["attempts"] == attempt and job["progress"] is not None


def test_worker_and_server_are_killed_and_every_job_ends_done_once_with_the_same_result(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data, tmp_path / "first.log") as service:
        long, short = service.submit(_LONG), service.submit(TABLE)
        wait_for(lambda: is_in_the_middle(service, long, 1))
        (worker,) = service.logged("worker started")
        os.kill(worker["pid"], signal.SIGKILL)
        wait_for(lambda: is_in_the_middle(service, long, 2))
        children = psutil.Process(service.process.pid).children(recursive=True)
        assert len(children) >= 3
        service.process.kill()
        service.process.wait()
        _, alive = psutil.wait_procs(children, timeout=PATIENCE)
        assert alive == []  # no worker outlives its server
    with serving(data, tmp_path / "second.log") as service:
        assert service.logged("service started")[0]["jobs_queued_again"] == 1
        wait_for(lambda: all(service.job(id)["state"] == "DONE" for id in (long, short)))
        assert [service.job(id)["attempts"] for id in (long, short)] == [3, 1]
        assert service.call(f"/api/v1/jobs/{long}/result") == expected(_LONG)
        assert service.call(f"/api/v1/jobs/{short}/result") == expected(TABLE)
        assert len(service.call("/api/v1/jobs?q=zucchini")["jobs"]) == 1
        assert len(service.logged("job done")) == 2
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(PATIENCE) == 0
        assert "Traceback" not in service.log.read_text()
        assert b"zucchini" not in service.log.read_bytes()
    _, engine = open_store(data)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM results").scalar() == 2
    engine.dispose()


def test_a_running_job_is_cancelled_deleted_or_returned_to_the_queue(tmp_path: Path) -> None:
    settings = ServerSettings(tmp_path / "data", {"previous": "rule:previous"})
    with running(settings, grace_seconds=0.0) as service:

        def start(text: str) -> str:
            id = service.store.submit(new_job(text), 1_000, 10).job.id
            service.supervisor.wake()
            wait_for(lambda: service.changes.progress(id))
            return id

        cancelled = start(_LONG)
        service.store.cancel(cancelled)
        service.supervisor.abandon(cancelled)
        deleted = start(_LONG.replace("Utterance", "Zucchini"))  # by a new process
        assert service.store.delete(deleted)
        service.supervisor.abandon(deleted)
        with pytest.raises(RunError, match="choose another --data"), running(settings):
            pass
        broken_off = start(_LONG)
    store, engine = open_store(settings.data)
    found = {id: store.get(id) for id in (cancelled, deleted, broken_off)}
    assert found[deleted] is None
    assert found[cancelled] is not None and found[cancelled].state is JobState.CANCELLED
    assert found[broken_off] is not None
    assert (found[broken_off].state, found[broken_off].attempts) == (JobState.QUEUED, 0)
    engine.dispose()
    assert b"Zucchini" not in bytes_in(settings.data)


def test_a_model_that_cannot_be_opened_stops_the_start_with_its_message(tmp_path: Path) -> None:
    settings = ServerSettings(tmp_path / "data", {"m": "rule:nonsense"})
    with pytest.raises(InputError, match="nonsense"), running(settings):
        pass
