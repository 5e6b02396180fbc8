"""Faults of chat requests: which one the next request meets, and the response, or none, that it gets then."""

from __future__ import annotations

import random
from itertools import accumulate

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from fliptrace.fake_provider.api_errors import ApiError
from fliptrace.fake_provider.settings import FaultKind, Faults

_CLOSE = "fliptrace.close"  # in a request's scope: the function that closes its connection


class FaultDraw:
    """Draws a fault, or none, for each request in turn. The same seed gives the same faults."""

    def __init__(self, faults: Faults) -> None:
        self._random = random.Random(faults.seed)
        self._kinds: list[FaultKind | None] = [*faults.shares, None]
        self._bounds = [*accumulate(faults.shares.values()), 1.0]

    def next(self) -> FaultKind | None:
        return self._random.choices(self._kinds, cum_weights=self._bounds)[0]


def rate_limited(retry_after_seconds: float | None) -> ApiError:
    headers = {} if retry_after_seconds is None else {"Retry-After": f"{retry_after_seconds:g}"}
    return ApiError("Rate limit reached", status=429, type="requests", code="rate_limit_exceeded", headers=headers)


def server_error() -> ApiError:
    return ApiError("The server had an error", status=500, type="server_error")


class Dropped(Response):
    """Closes the connection without a response. Works only on a server whose app is `closable`."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[_CLOSE]()
        while (await receive())["type"] != "http.disconnect":  # an earlier return makes uvicorn log a missing response
            pass


def closable(app: ASGIApp) -> ASGIApp:
    """Wrap an app for uvicorn so that it can close a connection, which ASGI has no message for."""

    async def with_close(scope: Scope, receive: Receive, send: Send) -> None:
        scope[_CLOSE] = send.__self__.transport.close  # type: ignore[attr-defined]
        await app(scope, receive, send)

    return with_close
