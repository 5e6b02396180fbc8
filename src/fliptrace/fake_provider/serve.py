"""The fake provider on a port of this machine: for the length of a `with` block, or until it is stopped."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import uvicorn

from fliptrace.errors import InputError
from fliptrace.fake_provider.app import make_app
from fliptrace.fake_provider.faults import closable
from fliptrace.fake_provider.provider import FakeProvider

_HOST = "127.0.0.1"  # what it takes for granted, no stranger may reach


@contextmanager
def running(provider: FakeProvider, port: int = 0) -> Iterator[str]:
    """Serve on a thread and give the base URL; port 0 takes a free one. InputError where the port is taken."""
    listener = _bind(port)
    server = _make_server(provider)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.002)
    try:
        yield base_url(listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join()


def serve_forever(provider: FakeProvider, port: int) -> None:
    """Serve until interrupted. InputError where the port is taken."""
    listener = _bind(port)
    with suppress(KeyboardInterrupt):
        _make_server(provider).run([listener])


def base_url(port: int) -> str:
    return f"http://{_HOST}:{port}/v1"


def _bind(port: int) -> socket.socket:
    # asyncio sends without delay (TCP_NODELAY) only on sockets that say they are TCP's: 40 ms a request
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, port))
    except OSError as error:
        listener.close()
        raise InputError(f"port {port}", f"{error.strerror}; wanted a free port") from error
    return listener


def _make_server(provider: FakeProvider) -> uvicorn.Server:
    config = uvicorn.Config(
        closable(make_app(provider)),
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="critical",
        timeout_graceful_shutdown=1,  # clients that still wait then see a closed connection
    )
    return uvicorn.Server(config)
