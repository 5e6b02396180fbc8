"""Serving the fake provider on a port of this machine, for the length of a `with` block or until interrupted."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import uvicorn

from fliptrace.core.errors import InputError
from fliptrace.fake_provider.app import make_app
from fliptrace.fake_provider.faults import closable
from fliptrace.fake_provider.gate import PunctualProtocol
from fliptrace.fake_provider.provider import FakeProvider

_HOST = "127.0.0.1"  # loopback only: the server trusts its clients


@contextmanager
def running(provider: FakeProvider, port: int = 0) -> Iterator[str]:
    """Serve on a thread and yield the base URL. Port 0 picks a free port. InputError where the port is taken."""
    listener = _bind(port)
    url = _base_url(listener)
    server = _make_server(provider)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.002)
    try:
        yield url
    finally:
        server.should_exit = True
        thread.join()


def serve_forever(provider: FakeProvider, port: int, on_start: Callable[[str], None]) -> None:
    """Serve until interrupted. `on_start` is called with the base URL. InputError where the port is taken."""
    listener = _bind(port)
    on_start(_base_url(listener))
    with suppress(KeyboardInterrupt):
        _make_server(provider).run([listener])


def _base_url(listener: socket.socket) -> str:
    return f"http://{_HOST}:{listener.getsockname()[1]}/v1"


def _bind(port: int) -> socket.socket:
    # asyncio sets TCP_NODELAY only on sockets with an explicit TCP protocol. Without it a request takes 40 ms longer.
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, port))
    except OSError as error:
        listener.close()
        raise InputError(f"port {port}", f"{error.strerror}; expected a free port") from error
    listener.listen(2048)  # from here on clients wait instead of being refused
    return listener


class _Server(uvicorn.Server):
    """A server that stops at once. uvicorn's own checks ten times a second, too slow for tests that start hundreds."""

    async def main_loop(self) -> None:
        while not self.should_exit:
            await asyncio.sleep(0.01)


def _make_server(provider: FakeProvider) -> uvicorn.Server:
    config = uvicorn.Config(
        closable(make_app(provider)),
        loop="asyncio",
        http=PunctualProtocol,
        ws="none",
        lifespan="off",
        access_log=False,
        date_header=False,
        log_config=None,
        log_level="critical",
        timeout_graceful_shutdown=1,  # then clients that still wait see a closed connection
    )
    return _Server(config)
