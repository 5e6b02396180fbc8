"""Errors in the form of OpenAI's API: {"error": {"message", "type", "param", "code"}}."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

_SHOWN = 100  # characters of a wrong value or of its place


class ApiError(HTTPException):
    """An error response to a request. `param` is the field that was wrong."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, message, headers)
        self.error = {"message": message, "type": type, "param": param, "code": code}

    def to_response(self) -> JSONResponse:
        return JSONResponse({"error": self.error}, self.status_code, self.headers)


def unsupported(field: str, instead: str = "") -> ApiError:
    """Return the error for a field that this provider does not support; `instead` names the field to use."""
    advice = f" Use '{instead}' instead." if instead else ""
    message = f"Unsupported parameter: '{field}' is not supported with this model.{advice}"
    return ApiError(message, param=field, code="unsupported_parameter")


def invalid(field: str, message: str, place: str = "") -> ApiError:
    """Return the error for a field with an invalid value; `place` is the path to the field where it lies deeper."""
    return ApiError(f"Invalid '{place or field}': {message}", param=field, code="invalid_value")


def no_such(kind: str, id: str, *, param: str = "id") -> ApiError:
    """Return the error for an object that does not exist."""
    return ApiError(f"No such {kind}: {id}", status=404, param=param, code="not_found")


def show(value: Any) -> str:
    """Return the start of a wrong value, as JSON.

    >>> show(None), show("x" * 200)[:4]
    ('null', '"xxx')
    """
    text = json.dumps(value, default=str)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def explain(first: Mapping[str, Any]) -> str:
    """Tell in one clause what was found and what was expected, for one of the `errors()` of pydantic."""
    if first["type"] in ("value_error", "json_invalid"):
        return str(first["msg"]).removeprefix("Value error, ")
    if first["type"] == "missing":
        return "found nothing, expected a value"
    _, _, expected = str(first["msg"]).partition(" should ")
    return f"found {show(first['input'])}" + (f", expected it to {expected}" if expected else f": {first['msg']}")


def place_of(loc: Sequence[str | int]) -> str:
    """Return the place of an error in a body.

    >>> place_of(("messages", 0, "role"))
    'messages[0].role'
    """
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return path.removeprefix(".")[:_SHOWN]


async def answer_validation_error(_: Request, error: ValidationError | RequestValidationError) -> Response:
    """Answer the first error that pydantic found: in a body, or (FastAPI's) in a query or form."""
    first = error.errors()[0]
    loc = first["loc"][1:] if isinstance(error, RequestValidationError) else first["loc"]
    if not loc:
        return ApiError(f"We could not parse the JSON body of your request: {explain(first)}").to_response()
    # A hyperparameter is named alone, since it may stand in two places.
    start = loc.index("hyperparameters") + 1 if "hyperparameters" in loc[:-1] else 0
    return invalid(place_of(loc[start:]), explain(first), place_of(loc)).to_response()


async def answer_http_error(request: Request, error: HTTPException) -> Response:
    """Answer an error of ours, or of Starlette's own, such as an unknown path."""
    if not isinstance(error, ApiError):
        message = f"{error.detail} ({request.method} {request.url.path})"
        error = ApiError(message, status=error.status_code, headers=error.headers)
    return error.to_response()
