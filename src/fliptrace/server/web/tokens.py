"""The token: as a Bearer token of programs, or as a cookie of browsers, which a small form sets.

The cookie does not hold the token but a value derived from it, so that nothing is kept and a new token ends all
sessions.
"""

from __future__ import annotations

import hmac
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.requests import HTTPConnection

from fliptrace.server.web.pages import sign_in_page

_COOKIE = "fliptrace"
_COOKIE_SECONDS = 12 * 3_600

router = APIRouter(include_in_schema=False)


def knows_token(request: HTTPConnection, token: str) -> bool:
    """Whether a request brings the token."""
    kind, _, bearer = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return _is_same(bearer.strip(), token)
    return _is_same(request.cookies.get(_COOKIE, ""), _session(token))


@router.get("/login")
async def show_login() -> HTMLResponse:
    return sign_in_page()


@router.post("/login")
async def log_in(request: Request, token: Annotated[str, Form(max_length=1_000)] = "") -> Response:
    expected = request.app.state.service.settings.token
    if expected is None or not _is_same(token.strip(), expected):
        return sign_in_page(is_wrong=True)
    response = RedirectResponse("/", 303)
    response.set_cookie(
        _COOKIE,
        _session(expected),
        max_age=_COOKIE_SECONDS,
        httponly=True,
        samesite="strict",
        secure="https" in (request.url.scheme, request.headers.get("x-forwarded-proto")),
    )
    return response


@router.post("/logout")
async def log_out() -> Response:
    response = RedirectResponse("/login", 303)
    response.delete_cookie(_COOKIE, httponly=True, samesite="strict")
    return response


def _is_same(found: str, expected: str) -> bool:
    return hmac.compare_digest(found.encode(errors="replace"), expected.encode())


def _session(token: str) -> str:
    return hmac.new(token.encode(), b"fliptrace serve: session", "sha256").hexdigest()
