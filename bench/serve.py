"""The service with many conversations and under many clients: how long they wait, and whether every job ends once.

    python bench/serve.py                               # prints a table, writes bench/serve.json
    python bench/serve.py --utterances 2000 --clients 10 --queue 5

First, a data folder is filled with conversations of 100,000 utterances all in all, and lists and searches are asked
for one after the other: each should take less than 200 ms. Then every client hands in the sample call, all at once,
waits as long as a 429 asks, asks for the state of its job twice a second until it is done, and takes the result. What
counts is the 95th percentile of the time that the status of a job takes while all workers are busy. The service runs in
its own processes; service and clients share the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.table import Table
from serve_clients import work_together
from serve_library import ask, fill

from fliptrace.core.files import Json, versions, write_json

GOAL_SECONDS = 0.2  # of a list or a search
_FLIPTRACE = [sys.executable, "-c", "from fliptrace.cli.main import main; main()"]
_START_SECONDS = 600.0


@dataclass(frozen=True)
class Serving:
    """A running service."""

    log: Path

    @property
    def url(self) -> str:
        return str(self.logged("listening")[0]["url"])

    def logged(self, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [line for line in lines if line.get("event") == event]


@contextmanager
def serving(options: argparse.Namespace, folder: Path) -> Iterator[Serving]:
    """Run `fliptrace serve` on the data folder until the `with` block ends."""
    log = folder / "log"
    command = [*_FLIPTRACE, "serve", "--port", "0", "--data", str(folder / "data"), "--models", options.model]
    command += ["--workers", str(options.workers), "--queue", str(options.queue)]
    with log.open("wb") as file:
        process = subprocess.Popen(command, stderr=file)
    try:
        until = time.monotonic() + _START_SECONDS
        while '"listening"' not in log.read_text():
            if process.poll() is not None or time.monotonic() > until:
                sys.exit(f"the service did not start:\n{log.read_text()}")
            time.sleep(0.1)
        yield Serving(log)
    finally:
        process.terminate()
        process.wait()


def measure_library(options: argparse.Namespace, folder: Path) -> tuple[Json, Json]:
    """Fill the data folder and ask: what the library holds, and the seconds of each question."""
    library = fill(folder / "data", options.utterances, options.seed)
    with serving(options, folder) as service:
        ask(service.url, library, 1)  # uncounted: opens connections, reads the file into memory
        seconds = ask(service.url, library, options.repeats)
    return dict(library._asdict()), {name: summarize(each) for name, each in seconds.items()}


def measure_clients(options: argparse.Namespace, folder: Path) -> Json:
    """Let all clients work at once: what they measured. Every job ends DONE, once."""
    with serving(options, folder) as service:
        started = time.perf_counter()
        measured = asyncio.run(work_together(service.url, options.clients, options.jobs))
        seconds = time.perf_counter() - started
    done = [line["job"] for line in service.logged("job done")]
    num_jobs = options.clients * options.jobs
    assert len(measured.ids) == num_jobs, "jobs were lost or made twice"
    assert sorted(done) == sorted(measured.ids), "a job ended twice or never"
    figures = {"clients": options.clients, "jobs": num_jobs, "workers": options.workers, "queue": options.queue}
    figures |= {"seconds": round(seconds, 2), "jobs_per_second": round(num_jobs / seconds, 2)}
    kinds = {kind: summarize(getattr(measured, kind)) for kind in ("submit", "status", "result")}
    return {**figures, "model": options.model, "num_429": measured.num_429, **kinds}


def summarize(seconds: list[float]) -> dict[str, float | int]:
    """The number of requests, and percentiles of their seconds."""
    cuts = quantiles(seconds, n=100, method="inclusive") if len(seconds) > 1 else seconds * 99
    return {"num": len(seconds), "p50": round(cuts[49], 4), "p95": round(cuts[94], 4), "max": round(max(seconds), 4)}


def show(title: str, rows: Mapping[str, Mapping[str, float | int]]) -> None:
    table = Table(title=title)
    for name in ("", "requests", "p50 ms", "p95 ms", "max ms"):
        table.add_column(name, justify="right" if name else "left")
    for name, row in rows.items():
        table.add_row(name, f"{row['num']:,}", *(f"{1000 * row[key]:,.1f}" for key in ("p50", "p95", "max")))
    Console().print(table)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--utterances", type=int, default=100_000, help="of all conversations that are searched")
    parser.add_argument("--repeats", type=int, default=30, help="of each list or search")
    parser.add_argument("--seed", type=int, default=0, help="of the conversations")
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=1, help="of each client")
    parser.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 1) - 1))
    parser.add_argument("--queue", type=int, default=50)
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args(arguments)
    with TemporaryDirectory() as folder:
        library, questions = measure_library(options, Path(folder))
        clients = measure_clients(options, Path(folder))
    show(
        f"{library['num_utterances']:,} utterances, one request after the other; goal: {1000 * GOAL_SECONDS:.0f} ms",
        questions,
    )
    kinds = {kind: clients[kind] for kind in ("submit", "status", "result")}
    jobs = f"{clients['jobs']} jobs in {clients['seconds']:g} s, each DONE once; {clients['num_429']} times 429"
    show(f"{options.clients} clients at once, {options.workers} workers: {jobs}", kinds)
    settings = {"num_cpus": os.cpu_count(), "load": round(os.getloadavg()[0], 1), "seed": options.seed}
    found = {"library": library, "questions": questions, "clients": clients}
    write_json(options.out, settings | found | {"versions": versions("sqlalchemy", "fastapi", "uvicorn")})
    print(options.out)


if __name__ == "__main__":
    main()
