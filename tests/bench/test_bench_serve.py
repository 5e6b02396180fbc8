"""The benchmark of the service runs with a few clients, and every job ends once. Speed is not tested."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from shipped import needs_weights

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCH))
    return import_module("serve")


def test_percentiles_are_those_of_the_requests(bench: Any) -> None:
    told = bench.summarize([0.01 * number for number in range(1, 102)])
    assert told == {"num": 101, "p50": 0.51, "p95": 0.96, "max": 1.01}
    assert bench.summarize([0.5]) == {"num": 1, "p50": 0.5, "p95": 0.5, "max": 0.5}


@pytest.mark.slow  # it starts the service
@needs_weights
def test_clients_wait_as_long_as_they_are_told_and_all_jobs_end(bench: Any, tmp_path: Path) -> None:
    out = tmp_path / "serve.json"
    bench.main(["--clients", "5", "--jobs", "1", "--queue", "1", "--workers", "1", "--out", str(out)])
    found = json.loads(out.read_text())
    assert (found["jobs"], found["submit"]["num"], found["result"]["num"]) == (5, 5, 5)
    assert found["num_429"] > 0 and found["status"]["num"] >= 5
