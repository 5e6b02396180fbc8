"""The real service, in processes of its own, killed (SIGKILL, without cleanup) in the middle of its work."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest
from services import TABLE, bytes_in, long_table, new_job, open_store

from fliptrace.analysis.analyze import analyze
from fliptrace.core.errors import InputError, RunError
from fliptrace.models.open_model import open_model
from fliptrace.server.service import running
from fliptrace.server.settings import ServerSettings
from fliptrace.server.storage.tables import JobState
from fliptrace.transcripts.read import parse_transcript

_FLIPTRACE = [sys.executable, "-c", "from fliptrace.cli.main import main; main()"]
_PATIENCE = 300.0  # seconds; on an idle machine everything here takes under ten
_LONG = long_table(1_000)  # about a second of analysis


@dataclass
class Running:
    """A running `fliptrace serve` and its log."""

    process: subprocess.Popen[bytes]
    log: Path

    def logged(self, event: str) -> list[dict[str, Any]]:
        lines = [line for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [entry for entry in map(json.loads, lines) if entry.get("event") == event]

    def call(self, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Any:
        url = self.logged("listening")[0]["url"] + path
        with urllib.request.urlopen(urllib.request.Request(url, body, headers or {}), timeout=_PATIENCE) as answer:
            return json.load(answer)

    def submit(self, text: str) -> str:
        form = {"text": text, "name": "farm.csv"}
        body = "".join(
            f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in form.items()
        )
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        return str(self.call("/api/v1/conversations", f"{body}--x--\r\n".encode(), headers)["id"])

    def job(self, id: str) -> Any:
        return self.call(f"/api/v1/jobs/{id}")


@contextmanager
def serving(data: Path, log: Path) -> Iterator[Running]:
    """Start the service; whatever of it still lives at the end is killed."""
    options = ["serve", "--data", str(data), "--port", "0", "--models", "previous=rule:previous"]
    with log.open("wb") as file:
        process = subprocess.Popen([*_FLIPTRACE, *options], stderr=file, stdout=file)
    service = Running(process, log)
    try:
        wait_for(lambda: service.logged("listening") or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        yield service
    finally:
        process.kill()
        process.wait()


def wait_for(condition: Callable[[], Any]) -> Any:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        if found := condition():
            return found
        time.sleep(0.05)
    pytest.fail(f"not within {_PATIENCE:g} seconds")


def is_in_the_middle(service: Running, id: str, attempt: int) -> bool:
    job = service.job(id)
    assert job["state"] in ("QUEUED", "RUNNING"), "it ended before it could be killed"
    return job["attempts"] == attempt and job["progress"] is not None


def expected(text: str) -> Any:
    return analyze(parse_transcript(text.encode(), "farm.csv"), open_model("rule:previous")).to_json()


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
        _, alive = psutil.wait_procs(children, timeout=_PATIENCE)
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
        assert service.process.wait(_PATIENCE) == 0
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
