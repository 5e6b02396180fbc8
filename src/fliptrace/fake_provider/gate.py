"""What comes before every route: only this machine may ask, with a body of bounded size that arrives in time."""

from __future__ import annotations

import asyncio
import hmac
from urllib.parse import urlsplit

import h11
from fastapi import Request
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from fliptrace.fake_provider.api_errors import ApiError
from fliptrace.fake_provider.provider import Provider

MAX_BODY_BYTES = 50_000_000  # a training file of 10,000 rows takes about 20 MB
REQUEST_SECONDS = 30.0  # from the first byte of a request to its last
_HOSTS = ["127.0.0.1", "localhost", "[::1]"]


def gate() -> list[Middleware]:
    """Return the middleware that refuses foreign hosts, as a page in a browser sends them, and large bodies."""
    return [
        Middleware(_ProviderErrors),
        Middleware(TrustedHostMiddleware, allowed_hosts=_HOSTS, www_redirect=False),
        Middleware(RequestBodyLimitMiddleware, max_body_size=MAX_BODY_BYTES),
    ]


async def check_origin(request: Request) -> None:
    """ApiError if a page of another site sends the request."""
    origin = request.headers.get("origin", "//localhost")
    try:
        host = urlsplit(origin).hostname
    except ValueError:
        host = None
    if host not in ("127.0.0.1", "localhost", "::1"):
        message = f"Origin {origin[:100]!r} is not this machine; expected localhost"
        raise ApiError(message, status=403, code="foreign_host")


async def check_key(request: Request, provider: Provider) -> None:
    """ApiError without the provider's key, given as `Authorization: Bearer KEY` or `api-key: KEY`."""
    found = request.headers.get("api-key") or request.headers.get("authorization", "").removeprefix("Bearer ")
    if provider.api_key and not hmac.compare_digest(found.encode(), provider.api_key.encode()):
        message = f"Incorrect API key provided: {found[:3]}***." if found else "You didn't provide an API key."
        raise ApiError(message, status=401, code="invalid_api_key")


class _ProviderErrors:
    """Puts the refusals of Starlette's middleware, which are plain text, in the form of all other errors."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal: ApiError | None = None

        async def send_in_form(message: Message) -> None:
            nonlocal refusal
            if message["type"] == "http.response.start":
                refusal = _refusal(scope, message)
                if refusal is not None:
                    await refusal.to_response()(scope, receive, send)
            if refusal is None:
                await send(message)

        await self._app(scope, receive, send_in_form)


def _refusal(scope: Scope, start: Message) -> ApiError | None:
    if start["status"] == 413:
        message = f"The body is over {MAX_BODY_BYTES:,} bytes; expected at most that"
        return ApiError(message, status=413, code="request_too_large")
    if start["status"] == 400 and Headers(raw=start["headers"])["content-type"].startswith("text/plain"):
        host = Headers(scope=scope).get("host", "")
        message = f"Host {host[:100]!r} is not this machine; expected localhost"
        return ApiError(message, code="foreign_host")
    return None


class PunctualProtocol(H11Protocol):
    """HTTP/1.1 of uvicorn, which closes a connection whose request is not whole in REQUEST_SECONDS.

    uvicorn's own timeout starts only with the first response.
    """

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._late is not None:
            self._late.cancel()

    def _watch(self) -> None:
        is_partial = self.conn.their_state in (h11.IDLE, h11.SEND_BODY)
        if is_partial and self._late is None:
            self._late = self.loop.call_later(REQUEST_SECONDS, self.transport.close)
        elif not is_partial and self._late is not None:
            self._late.cancel()
            self._late = None
