"""The real service in a process of its own, for tests that kill it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fliptrace.analysis.analyze import analyze
from fliptrace.models.open_model import open_model
from fliptrace.transcripts.read import parse_transcript

PATIENCE = 300.0  # seconds; on an idle machine everything here takes under ten
_FLIPTRACE = [sys.executable, "-c", "from fliptrace.cli.main import main; main()"]


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
        with urllib.request.urlopen(urllib.request.Request(url, body, headers or {}), timeout=PATIENCE) as answer:
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
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if found := condition():
            return found
        time.sleep(0.05)
    pytest.fail(f"not within {PATIENCE:g} seconds")


def expected(text: str) -> Any:
    """The result of an analysis that nobody disturbs."""
    return analyze(parse_transcript(text.encode(), "farm.csv"), open_model("rule:previous")).to_json()
