"""Serving until a signal comes: the port, uvicorn, a graceful end."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

import uvicorn

from fliptrace.core.errors import InputError
from fliptrace.server.logs import configure_logs, log
from fliptrace.server.service import Service, running
from fliptrace.server.settings import ServerSettings
from fliptrace.server.web.app import make_app

_DRAIN_SECONDS = 5  # for requests that run when the service stops
_BACKLOG = 2048  # connections that wait to be accepted


def serve_forever(settings: ServerSettings, on_start: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM. `on_start` is called with the address. InputError where the port is taken."""
    os.umask(0o077)  # SQLite, Alembic and the lock make files of their own
    configure_logs()
    signal.signal(signal.SIGTERM, _interrupt)
    with bind(settings.host, settings.port) as listener, suppress(KeyboardInterrupt), running(settings) as service:
        host, port = listener.getsockname()[:2]
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        log("listening", url=url)
        on_start(url)
        make_server(service).run([listener])


def bind(host: str, port: int) -> socket.socket:
    """Listen on a port; 0 picks a free one. InputError where that is not possible."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise InputError(f"--host {host}", f"{error.strerror}; expected an address of this machine") from error
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise InputError(f"{host} port {port}", f"{error.strerror}; expected a free port: --port") from error
    listener.listen(_BACKLOG)  # from here on clients wait instead of being refused
    return listener


class _Server(uvicorn.Server):
    """A server that ends its streams of events when it stops, which would keep it waiting."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._service.changes.close()
        await super().shutdown(sockets)


def make_server(service: Service) -> uvicorn.Server:
    config = uvicorn.Config(
        make_app(service),
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # clients could claim any address
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
    return _Server(config, service)


def _interrupt(number: int, frame: FrameType | None) -> None:
    assert threading.current_thread() is threading.main_thread()
    raise KeyboardInterrupt
