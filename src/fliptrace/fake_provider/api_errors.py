"""Errors as OpenAI's API words them: {"error": {"message", "type", "param", "code"}}."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response


class ApiError(Exception):
    """What a request is answered with instead of what it asked for. `param` is the field that was wrong."""

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
        super().__init__(message)
        self.status = status
        self.headers = headers
        self.error = {"message": message, "type": type, "param": param, "code": code}

    def to_response(self) -> JSONResponse:
        return JSONResponse({"error": self.error}, self.status, self.headers)


def unsupported(field: str, instead: str = "") -> ApiError:
    """A field that this provider does not take, and what to use for it."""
    advice = f" Use '{instead}' instead." if instead else ""
    message = f"Unsupported parameter: '{field}' is not supported with this model.{advice}"
    return ApiError(message, param=field, code="unsupported_parameter")


def invalid(field: str, message: str) -> ApiError:
    """A field with a value that it cannot have."""
    return ApiError(f"Invalid '{field}': {message}", param=field, code="invalid_value")


def no_such(kind: str, id: str, *, param: str = "id") -> ApiError:
    return ApiError(f"No such {kind}: {id}", status=404, param=param, code="not_found")


async def answer_api_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return error.to_response()


async def answer_http_error(request: Request, error: Exception) -> Response:
    """Starlette's own, such as a path that there is not."""
    assert isinstance(error, HTTPException)
    message = f"{error.detail} ({request.method} {request.url.path})"
    return ApiError(message, status=error.status_code, headers=error.headers).to_response()
