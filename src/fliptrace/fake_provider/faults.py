"""What goes wrong with chat requests: which fault the next one meets, and the answer, or none, that it then gets."""

from __future__ import annotations

import random
from itertools import accumulate

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from fliptrace.fake_provider.api_errors import ApiError
from fliptrace.fake_provider.settings import FaultKind, Faults

_CLOSE = "fliptrace.close"  # in a request's scope: what closes its connection


class FaultDraw:
    """Draws a fault, or none, for one request after the other; the same seed draws the same."""

    def __init__(self, faults: Faults) -> None:
        self._random = random.Random(faults.seed)
        shares = faults.shares
        self._bounds: list[tuple[float, FaultKind]] = list(zip(accumulate(shares.values()), shares, strict=True))

    def next(self) -> FaultKind | None:
        drawn = self._random.random()
        return next((kind for bound, kind in self._bounds if drawn < bound), None)


def rate_limited(retry_after_seconds: float | None) -> ApiError:
    headers = {} if retry_after_seconds is None else {"Retry-After": f"{retry_after_seconds:g}"}
    return ApiError("Rate limit reached", status=429, type="requests", code="rate_limit_exceeded", headers=headers)


def server_error() -> ApiError:
    return ApiError("The server had an error", status=500, type="server_error")


class Dropped(Response):
    """No answer: the connection closes. It works on a server whose app is `closable`."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[_CLOSE]()
        while (await receive())["type"] != "http.disconnect":  # before, uvicorn would miss the answer and log it
            pass


def closable(app: ASGIApp) -> ASGIApp:
    """The app under uvicorn, with a way to close a connection that ASGI has no word for."""

    async def with_close(scope: Scope, receive: Receive, send: Send) -> None:
        scope[_CLOSE] = send.__self__.transport.close  # type: ignore[attr-defined]
        await app(scope, receive, send)

    return with_close
