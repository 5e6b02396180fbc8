"""Shared by the tests of hosted models: the model under test, requests to it, and a server with scripted answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from run_inference import as_model

from fliptrace.core.files import Json, hash_json
from fliptrace.core.messages import Message
from fliptrace.fake_provider.answers import PlausibleModel
from fliptrace.fake_provider.provider import FakeProvider
from fliptrace.models.base import ChatModel, Request
from fliptrace.models.hosted.budget import Budget, Estimate, NobodyWatches
from fliptrace.models.hosted.client import CallSettings
from fliptrace.models.hosted.model import HostedModel, HostedSettings
from fliptrace.models.hosted.provider import find_provider


def make_provider(model: ChatModel | None = None, **settings: Any) -> FakeProvider:
    return FakeProvider(
        {"fake-1": as_model(model or PlausibleModel()), "fake-2": PlausibleModel().as_model()}, **settings
    )


class Told(NobodyWatches):
    """A watcher that records remarks and estimates."""

    def __init__(self) -> None:
        self.remarks: list[str] = []
        self.estimates: list[Estimate] = []

    def found(self, remark: str) -> None:
        self.remarks.append(remark)

    def begins(self, estimate: Estimate) -> None:
        self.estimates.append(estimate)


def open_fake(
    url: str,
    name: str = "fake-1",
    *,
    concurrency: int = 8,
    max_attempts: int = 8,
    timeout_seconds: float = 20,
    watcher: Told | None = None,
    budget: Budget | None = None,
    **settings: Any,
) -> HostedModel:
    calls = CallSettings(concurrency, timeout_seconds, max_attempts)
    return HostedModel(find_provider(f"{url}#{name}", {}), HostedSettings(calls, **settings), watcher, budget)


def messages(text: str) -> tuple[Message, ...]:
    return (Message("user", text),)


def requests(*texts: str) -> list[Request]:
    return [Request(text, messages(text)) for text in texts]


def key_of(text: str) -> str:
    """Return the key of a prompt in the fake provider's ledger."""
    return hash_json([message.to_json() for message in messages(text)])


def reply_rows(path: Path) -> list[Json]:
    """Read the replies in a file of answers, without the rows about the server's capabilities."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if "key" in row]


@dataclass(frozen=True, slots=True)
class Said:
    """An HTTP answer. A string body is sent as HTML, bytes as they are; status 0 closes the connection instead."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


def said(*texts: str | None, **fields: Any) -> Said:
    """Make a chat completion; `fields` replace some of its fields."""
    choices = [
        {"index": i, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        for i, text in enumerate(texts)
    ]
    usage = {"prompt_tokens": 10, "completion_tokens": 4 * len(texts), "total_tokens": 10 + 4 * len(texts)}
    whole = {"id": "c", "object": "chat.completion", "created": 0, "model": "m", "choices": choices, "usage": usage}
    return Said(200, whole | fields)


def error(status: int, message: str = "it went wrong", code: str | None = None, **headers: str) -> Said:
    """Make an error answer. Write headers with _ instead of -."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = {"error": {"message": message, "type": "error", "param": None, "code": code}}
    return Said(status, body, {"Retry-After": "0.01"} | named)


def text_of(body: Json) -> str:
    """Return the last message of a request."""
    return str(body["messages"][-1]["content"])


def well_behaved(body: Json) -> Said:
    """Answer like a good server: honours n, and gives each sample its own text; ignores schemas."""
    greedy = body.get("temperature", 1) == 0
    return said(*(f"{text_of(body)} {0 if greedy else body.get('seed', 0) + i}" for i in range(body.get("n", 1))))


@dataclass
class LittleServer:
    """Answers chat requests with `answer`, and records their `bodies` and `headers` in the order of arrival."""

    answer: Callable[[Json], Said] = well_behaved
    models: Said = field(default_factory=lambda: error(404))
    bodies: list[Json] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)

    @property
    def asked(self) -> list[str]:
        return [text_of(body) for body in self.bodies]

    def one_after_the_other(self, *answers: Said) -> None:
        """Give these answers in turn from now on, and repeat the last."""
        waiting = list(answers)
        self.answer = lambda _: waiting.pop(0) if len(waiting) > 1 else waiting[0]
        self.bodies.clear()


@contextmanager
def serving(server: LittleServer) -> Iterator[str]:
    """Run the server for the length of a `with` block; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # buffered, so that an answer is sent at once

        def do_GET(self) -> None:
            self._send(server.models)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.bodies.append(body)
            server.headers.append(dict(self.headers))
            self._send(server.answer(body))

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

        def _send(self, answer: Said) -> None:
            self.close_connection = not answer.status
            if not answer.status:
                return
            is_text = isinstance(answer.body, str)
            content = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            content = answer.body.encode() if is_text else content
            self.send_response(answer.status)
            headers = {"Content-Type": "text/html" if is_text else "application/json", **answer.headers}
            for name, value in (headers | {"Content-Length": str(len(content))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Ignore clients that have closed the connection."""

    with Server(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_address[1]}/v1"
        finally:
            listening.shutdown()
            thread.join()
