"""The benchmark of the service runs with a few conversations and clients. Speed is not tested."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from services import inline_service, listening
from shipped import needs_weights

from fliptrace.server.storage.jobs import JobFilter

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCH))
    return import_module("serve")


def test_percentiles_are_those_of_the_requests(bench: Any) -> None:
    told = bench.summarize([0.01 * number for number in range(1, 102)])
    assert told == {"num": 101, "p50": 0.51, "p95": 0.96, "max": 1.01}
    assert bench.summarize([0.5]) == {"num": 1, "p50": 0.5, "p95": 0.5, "max": 0.5}


def test_every_question_finds_what_it_should_among_as_many_utterances_as_wanted(bench: Any, tmp_path: Path) -> None:
    library_bench = import_module("serve_library")
    library = library_bench.fill(tmp_path, 700, seed=0)
    with inline_service(tmp_path) as service, listening(service) as url:
        seconds = library_bench.ask(url, library, 2)  # asserts which questions find something
        jobs = service.store.page(JobFilter(), 200).jobs
    assert (len(jobs), sum(job.num_utterances for job in jobs)) == (library.num_conversations, 700)
    assert {name: len(each) for name, each in seconds.items()} == dict.fromkeys(library_bench.QUESTIONS, 2)


@pytest.mark.slow  # it starts the service, twice
@needs_weights
def test_clients_wait_as_long_as_they_are_told_and_all_jobs_end_once(bench: Any, tmp_path: Path) -> None:
    out = tmp_path / "serve.json"
    few = ["--utterances", "700", "--repeats", "2", "--clients", "5", "--queue", "1", "--workers", "1"]
    bench.main([*few, "--out", str(out)])
    found = json.loads(out.read_text())
    clients = found["clients"]
    assert (clients["jobs"], clients["submit"]["num"], clients["result"]["num"]) == (5, 5, 5)
    assert clients["num_429"] > 0 and clients["status"]["num"] >= 5
    assert {each["num"] for each in found["questions"].values()} == {2}
