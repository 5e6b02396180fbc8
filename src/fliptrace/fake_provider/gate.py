"""What comes before every route: only this machine may ask, with a body of bounded size that arrives in time."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import urlsplit

import h11
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from fliptrace.core.files import Json
from fliptrace.fake_provider.api_errors import ApiError

MAX_BODY_BYTES = 50_000_000  # a training file of 10,000 rows takes about 20 MB
REQUEST_SECONDS = 30.0  # from the first byte of a request to its last
_OURS = ("127.0.0.1", "localhost", "::1")


class Gate:
    """Middleware that refuses foreign hosts and origins, as a page in a browser sends them, and large bodies."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        error = _check_sender(headers) or _check_length(headers)
        if error is not None:
            await error.to_response()(scope, receive, send)
            return
        num_bytes = 0

        async def receive_bounded() -> Message:
            nonlocal num_bytes
            message = await receive()
            num_bytes += len(message.get("body", b""))
            if num_bytes > MAX_BODY_BYTES:
                raise _too_large()
            return message

        await self._app(scope, receive_bounded, send)


async def read_object(request: Request) -> Json:
    """Read the body of a request, a JSON object; ApiError if it is none."""
    try:
        content = await request.body()
        body = json.loads(content)
        if b"\\ud" in content.lower():
            json.dumps(body, ensure_ascii=False).encode()  # ValueError for a lone surrogate
    except (ValueError, RecursionError) as error:
        raise ApiError(f"We could not parse the JSON body of your request: {error}") from error
    if not isinstance(body, dict):
        raise ApiError("We could not parse the JSON body of your request: expected an object")
    return body


class PunctualProtocol(H11Protocol):
    """HTTP/1.1 of uvicorn, which closes a connection whose request is not whole in REQUEST_SECONDS."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop_watching()

    def _watch(self) -> None:
        if self.conn.their_state in (h11.IDLE, h11.SEND_BODY):
            if self._late is None:
                self._late = self.loop.call_later(REQUEST_SECONDS, self.transport.close)
        else:
            self._stop_watching()

    def _stop_watching(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


def _check_sender(headers: Headers) -> ApiError | None:
    for name, address in (("Host", f"//{headers.get('host', '')}"), ("Origin", headers.get("origin", "//localhost"))):
        try:
            is_ours = urlsplit(address).hostname in _OURS
        except ValueError:
            is_ours = False
        if not is_ours:
            message = f"{name} {address.removeprefix('//')[:100]!r} is not this machine; expected localhost"
            return ApiError(message, status=403, code="foreign_host")
    return None


def _check_length(headers: Headers) -> ApiError | None:
    length = headers.get("content-length", "0")
    return _too_large() if length.isdecimal() and (len(length) > 15 or int(length) > MAX_BODY_BYTES) else None


def _too_large() -> ApiError:
    return ApiError(f"The body is over {MAX_BODY_BYTES // 1_000_000} MB", status=413, code="request_too_large")
