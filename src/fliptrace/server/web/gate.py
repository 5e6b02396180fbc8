"""What comes before every route: who may ask, from where, how often, and what every answer says to browsers.

Host is checked, so that a name that was rebound to this machine gets no answer; Origin, so that pages of other sites
can neither read nor write; then the requests of each client are counted, which those pages cannot use up; then the
token is checked. Every request is logged, without its query, which may hold words of a transcript.
"""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from fastapi.responses import RedirectResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fliptrace.server.logs import log
from fliptrace.server.settings import ServerSettings
from fliptrace.server.web.problems import ApiError
from fliptrace.server.web.rate_limit import RateLimit
from fliptrace.server.web.tokens import knows_token

OPEN_PATHS = ("/healthz", "/login", "/static/style.css", "/static/icon.svg")  # need no token
_PAGES = ("/", "/edit", "/overview")  # without the token they lead to the form for it
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # without one, browsers send the Origin of a form as null
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Gate:
    """The outermost middleware."""

    def __init__(self, app: ASGIApp, settings: ServerSettings, max_body_bytes: int) -> None:
        self._app = app
        self._settings = settings
        self._max_body_bytes = max_body_bytes
        self._rate_limit = RateLimit(settings.rate, settings.upload_rate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.monotonic(), 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = await self._refusal(scope)
        try:
            await (refusal or self._app)(scope, receive, send_with_headers)
        finally:
            seconds = round(time.monotonic() - started, 4)
            log("request", method=scope["method"], path=scope["path"], status=status, seconds=seconds)

    async def _refusal(self, scope: Scope) -> ASGIApp | None:
        """The answer to a request that goes no further; None for all others."""
        headers = Headers(scope=scope)
        try:
            self._check_host(headers)
            _check_origin(scope, headers)
            self._check_size(headers)
            await self._rate_limit.check(scope)
        except ApiError as error:
            return error.to_response()
        if self._settings.token is None or scope["path"] in OPEN_PATHS:
            return None
        if knows_token(HTTPConnection(scope), self._settings.token):
            return None
        if scope["path"] in _PAGES:
            return RedirectResponse("/login", 303)
        message = "the token is missing or wrong; expected `Authorization: Bearer TOKEN`, or the cookie of /login"
        return ApiError(401, "unauthorized", message, {"WWW-Authenticate": "Bearer"}).to_response()

    def _check_host(self, headers: Headers) -> None:
        name = _host_name(headers.get("host", ""))
        if name is None or len(headers.getlist("host")) != 1 or not self._settings.answers_to(name):
            found = headers.get("host", "")[:100]
            message = f"Host {found!r} is not a name of this service; expected one, or start it with --allow-host NAME"
            raise ApiError(403, "foreign_host", message)

    def _check_size(self, headers: Headers) -> None:
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self._max_body_bytes:
            message = f"a body of {length[:30]} bytes; expected at most {self._max_body_bytes:,}"
            raise ApiError(413, "too_large", message, {"Connection": "close"})


def _check_origin(scope: Scope, headers: Headers) -> None:
    """ApiError if a page of another site sends the request, be it on another port of this machine.

    A link from another site may lead here: that is a navigation, which only reads.
    """
    origin = headers.get("origin")
    if origin is not None and origin.lower().partition("://")[2] != headers["host"].lower():
        raise ApiError(403, "foreign_origin", f"Origin {origin[:100]!r} is another site; expected this one")
    is_foreign = headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
    is_link = scope["method"] == "GET" and headers.get("sec-fetch-mode") == "navigate"
    if is_foreign and not (is_link and headers.get("sec-fetch-dest") == "document"):
        raise ApiError(403, "foreign_origin", "the request comes from a page of another site; expected this one")


def _host_name(host: str) -> str | None:
    """The name in a Host header, without its port.

    >>> _host_name("127.0.0.1:8090"), _host_name("[::1]:8090"), _host_name("")
    ('127.0.0.1', '::1', None)
    """
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
