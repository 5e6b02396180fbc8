"""Clients that hand in the sample call at the same time, wait as long as a 429 asks, and take their results."""

from __future__ import annotations

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from fliptrace.transcripts.bundled import BUNDLED

_POLL_SECONDS = 0.5


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


async def work_together(url: str, num_clients: int, num_jobs: int) -> Measured:
    measured = Measured()
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(num_clients))
    clients = (Client(url, number, measured).work(num_jobs) for number in range(num_clients))
    await asyncio.gather(*clients)
    return measured
