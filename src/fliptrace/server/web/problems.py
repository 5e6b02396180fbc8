"""Errors of the API: one JSON object that names what was wrong, with the fitting status."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from fliptrace.core.errors import InputError
from fliptrace.server.workers.child import ChildDied, TaskCrashed

_OF_THE_GATE = (403, 413, 429)  # with a token also 401


class Problem(BaseModel):
    """Why a request was refused."""

    code: str = Field(description="For programs: not_found, queue_full, transcript_unreadable ...")
    message: str = Field(description="For people: the place, what was found and what was expected.")


class ApiError(Exception):
    """A request that is refused."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(code)  # not the message, which may quote a transcript
        self.status = status
        self.problem = Problem(code=code, message=message)
        self.headers = headers

    def to_response(self) -> JSONResponse:
        return JSONResponse(self.problem.model_dump(), self.status, dict(self.headers or {}))


def no_such_job(id: str) -> ApiError:
    return ApiError(404, "not_found", f"no job {id[:40]!r}; expected the id of a job that was not deleted")


def described(
    *statuses: int, ok: Mapping[str, Any] | None = None, media_type: str | None = None
) -> dict[int | str, dict[str, Any]]:
    """The errors of a route for its OpenAPI description, and what a 200 is, if `ok` says so.

    Those of the gate are added, but 401, which not every route has. FastAPI gives errors the media type of the route,
    unless `media_type` names their own.
    """
    told: dict[str, Any] = {"model": Problem}
    if media_type is not None:
        told = {"content": {media_type: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    errors: dict[int | str, dict[str, Any]] = {
        status: told | {"description": HTTPStatus(status).phrase} for status in sorted({*statuses, *_OF_THE_GATE})
    }
    return errors if ok is None else {200: dict(ok), **errors}


async def answer_api_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)
    return error.to_response()


async def answer_input_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, InputError)
    return ApiError(422, "transcript_unreadable", str(error)).to_response()


async def answer_task_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, (ChildDied, TaskCrashed))
    message = "the process that handles it ended, or took over a minute; expected a transcript of usual size"
    return ApiError(503, "not_handled", message, {"Retry-After": "10"}).to_response()


async def answer_validation_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return ApiError(422, "invalid_request", f"{place}: {first['msg']}").to_response()


async def answer_http_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
    return ApiError(error.status_code, code, str(error.detail), error.headers).to_response()


async def answer_bug(_: Request, error: Exception) -> JSONResponse:
    message = f"{type(error).__name__} in fliptrace itself; the log of the server has the place"
    return ApiError(500, "internal_error", message).to_response()
