"""The real service, whose worker or server is killed (SIGKILL) again and again, at moments drawn by seed.

FLIPTRACE_NUM_KILLS says how often (20 is a thorough run), FLIPTRACE_KILL_SEED draws other moments.
"""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest
from running_service import Running, expected, serving, wait_for
from services import long_table, open_store

from fliptrace.server.settings import MAX_ATTEMPTS

NUM_KILLS = int(os.environ.get("FLIPTRACE_NUM_KILLS", "4"))
SEED = int(os.environ.get("FLIPTRACE_KILL_SEED", "0"))
_MAX_SECONDS = 1.5  # until the next kill; a job takes a good part of it


def waiting(service: Running) -> Any:
    """The jobs that have not ended."""
    return service.call("/api/v1/jobs?state=QUEUED&state=RUNNING&limit=200")["jobs"]


def may_kill(service: Running) -> bool:
    """Whether no job would fail for good, as it should in its last attempt, if its worker died now or soon."""
    return all(job["attempts"] + (job["state"] == "QUEUED") < MAX_ATTEMPTS for job in waiting(service))


def kill(service: Running, rng: random.Random, victim: str) -> None:
    time.sleep(rng.uniform(0, _MAX_SECONDS))
    wait_for(lambda: may_kill(service))
    if victim == "server":
        service.process.kill()
        service.process.wait()
        return
    pid = service.logged("worker started")[-1]["pid"]
    if pid in [child.pid for child in psutil.Process(service.process.pid).children()]:  # else it is being replaced
        os.kill(pid, signal.SIGKILL)


@pytest.mark.slow
def test_all_jobs_end_done_once_with_the_results_of_an_undisturbed_run(tmp_path: Path) -> None:
    rng, data = random.Random(SEED), tmp_path / "data"
    texts = [long_table(rng.randrange(200, 600)) for _ in range(3 * NUM_KILLS)]
    victims = [rng.choice(("worker", "server")) for _ in range(NUM_KILLS - 1)] + ["server"]
    ids: list[str] = []
    done: list[str] = []
    while victims:
        with serving(data, tmp_path / "log") as service:
            ids = ids or [service.submit(text) for text in texts]
            while service.process.poll() is None:
                kill(service, rng, victims.pop(0))
            done += [entry["job"] for entry in service.logged("job done")]
    with serving(data, tmp_path / "log") as service:
        wait_for(lambda: not waiting(service))
        jobs = [service.job(id) for id in ids]
        assert [(job["state"], job["error"]) for job in jobs] == [("DONE", None)] * len(ids)
        assert sum(job["attempts"] for job in jobs) > len(ids), "no kill met a job: give it more of them"
        assert [service.call(f"/api/v1/jobs/{id}/result") for id in ids] == [expected(text) for text in texts]
        done += [entry["job"] for entry in service.logged("job done")]
    assert len(done) == len(set(done)) and set(done) <= set(ids)  # a kill may come between a result and its log line
    _, engine = open_store(data)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM results").scalar() == len(ids)
    engine.dispose()
