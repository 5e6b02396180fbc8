"""The service's own pages and what they load: fixed files of the package, by fixed names."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from jinja2 import Template

from fliptrace.server.web.problems import ApiError

_FOLDER = Path(__file__).parent / "static"
_KINDS: Mapping[str, str] = {
    "style.css": "text/css",
    "edit.css": "text/css",
    "overview.css": "text/css",
    "icon.svg": "image/svg+xml",
    "app.js": "text/javascript",
    "api.js": "text/javascript",
    "job_list.js": "text/javascript",
    "upload.js": "text/javascript",
    "edit.js": "text/javascript",
    "edit_line.js": "text/javascript",
    "overview.js": "text/javascript",
    "overview_cells.js": "text/javascript",
    "sort.js": "text/javascript",
}

router = APIRouter(include_in_schema=False)


@router.get("/")
async def show_app() -> HTMLResponse:
    return HTMLResponse(_read("index.html"))


@router.get("/edit")
async def show_editor() -> HTMLResponse:
    """The page that corrects the conversation of `?job=ID`, which its script reads."""
    return HTMLResponse(_read("edit.html"))


@router.get("/overview")
async def show_overview() -> HTMLResponse:
    """The page over many conversations, chosen by its query as by that of the API, which its script reads."""
    return HTMLResponse(_read("overview.html"))


@router.get("/static/{name}")
async def show_static(name: str) -> Response:
    if name not in _KINDS:
        raise ApiError(404, "not_found", f"no file {name[:40]!r}")
    return Response(_read(name), media_type=_KINDS[name], headers={"Cache-Control": "no-cache"})


def sign_in_page(*, is_wrong: bool = False) -> HTMLResponse:
    """The form for the token, after a wrong one with a message and status 401."""
    text = Template(_read("login.html").decode()).render(is_wrong=is_wrong)
    return HTMLResponse(text, 401 if is_wrong else 200)


@cache
def _read(name: str) -> bytes:
    return (_FOLDER / name).read_bytes()
