"""The service under many clients at once: how long they wait for an answer, and whether every job ends once.

    python bench/serve.py                               # prints a table, writes bench/serve.json
    python bench/serve.py --clients 10 --jobs 1 --queue 5

Every client hands in the sample call, waits as long as a 429 asks, then asks for the state of its job twice a second
until it is done, and takes the result. The service runs in its own processes. What counts is the 95th percentile of the
time that the status of a job takes while all workers are busy.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from fliptrace.core.files import write_json
from fliptrace.transcripts.bundled import BUNDLED

_FLIPTRACE = [sys.executable, "-c", "from fliptrace.cli.main import main; main()"]
_POLL_SECONDS = 0.5
_START_SECONDS = 600.0


@dataclass
class Measured:
    """Seconds of each kind of request of all clients, and the number of answers that told them to wait."""

    submit: list[float] = field(default_factory=list)
    status: list[float] = field(default_factory=list)
    result: list[float] = field(default_factory=list)
    num_429: int = 0
    ids: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Client:
    """One client, whose requests run in threads: each on a connection of its own, as from curl."""

    url: str
    number: int
    measured: Measured

    async def work(self, num_jobs: int) -> None:
        for job in range(num_jobs):
            id = await self._hand_in(f"{self.number}-{job}")
            self.measured.ids.add(id)
            while (state := (await self._call(f"/jobs/{id}", self.measured.status))["state"]) in ("QUEUED", "RUNNING"):
                await asyncio.sleep(_POLL_SECONDS)
            assert state == "DONE", f"job {id} is {state}"
            await self._call(f"/jobs/{id}/result", self.measured.result)

    async def _hand_in(self, key: str) -> str:
        text = BUNDLED["call"].read_text("utf-8")
        body = f'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\n{text}\r\n--x--\r\n'.encode()
        headers = {"Content-Type": "multipart/form-data; boundary=x", "Idempotency-Key": key}
        while True:
            try:
                return str((await self._call("/conversations", self.measured.submit, body, headers))["id"])
            except HTTPError as error:
                if error.code != 429:
                    raise
                self.measured.num_429 += 1
                await asyncio.sleep(float(error.headers["Retry-After"]))

    async def _call(
        self, path: str, seconds: list[float], body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Any:
        def call() -> Any:
            with urlopen(Request(f"{self.url}/api/v1{path}", body, headers or {}), timeout=60) as answer:
                return json.load(answer)

        started = time.perf_counter()
        value = await asyncio.to_thread(call)
        seconds.append(time.perf_counter() - started)
        return value


@contextmanager
def serving(options: argparse.Namespace, folder: Path) -> Iterator[str]:
    """Run `fliptrace serve` until the `with` block ends; yields its address."""
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
        yield next(json.loads(line)["url"] for line in log.read_text().splitlines() if '"listening"' in line)
    finally:
        process.terminate()
        process.wait()


async def work_together(url: str, options: argparse.Namespace) -> Measured:
    measured = Measured()
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(options.clients))
    clients = (Client(url, number, measured).work(options.jobs) for number in range(options.clients))
    await asyncio.gather(*clients)
    return measured


def summarize(seconds: list[float]) -> dict[str, float | int]:
    """The number of requests, and percentiles of their seconds."""
    cuts = quantiles(seconds, n=100, method="inclusive") if len(seconds) > 1 else seconds * 99
    return {"num": len(seconds), "p50": round(cuts[49], 4), "p95": round(cuts[94], 4), "max": round(max(seconds), 4)}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=3, help="of each client")
    parser.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 1) - 1))
    parser.add_argument("--queue", type=int, default=50)
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args(arguments)
    with TemporaryDirectory() as folder, serving(options, Path(folder)) as url:
        started = time.perf_counter()
        measured = asyncio.run(work_together(url, options))
        seconds = time.perf_counter() - started
    num_jobs = options.clients * options.jobs
    assert len(measured.ids) == num_jobs, "jobs were lost or made twice"
    kinds = {kind: summarize(getattr(measured, kind)) for kind in ("submit", "status", "result")}
    figures = {"clients": options.clients, "jobs": num_jobs, "workers": options.workers, "queue": options.queue}
    figures |= {"seconds": round(seconds, 2), "jobs_per_second": round(num_jobs / seconds, 2)}
    figures |= {"model": options.model, "num_429": measured.num_429, **kinds}
    write_json(options.out, figures)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
