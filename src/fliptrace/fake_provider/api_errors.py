"""Errors in the form of OpenAI's API: {"error": {"message", "type", "param", "code"}}."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response


class ApiError(Exception):
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
        super().__init__(message)
        self.status = status
        self.headers = headers
        self.error = {"message": message, "type": type, "param": param, "code": code}

    def to_response(self) -> JSONResponse:
        return JSONResponse({"error": self.error}, self.status, self.headers)


def unsupported(field: str, instead: str = "") -> ApiError:
    """Return the error for a field that this provider does not support; `instead` names the field to use."""
    advice = f" Use '{instead}' instead." if instead else ""
    message = f"Unsupported parameter: '{field}' is not supported with this model.{advice}"
    return ApiError(message, param=field, code="unsupported_parameter")


def invalid(field: str, message: str) -> ApiError:
    """Return the error for a field with an invalid value."""
    return ApiError(f"Invalid '{field}': {message}", param=field, code="invalid_value")


def no_such(kind: str, id: str, *, param: str = "id") -> ApiError:
    """Return the error for an object that does not exist."""
    return ApiError(f"No such {kind}: {id}", status=404, param=param, code="not_found")


async def answer_api_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return error.to_response()


async def answer_http_error(request: Request, error: Exception) -> Response:
    """Answer an error of Starlette's own, such as an unknown path."""
    assert isinstance(error, HTTPException)
    message = f"{error.detail} ({request.method} {request.url.path})"
    return ApiError(message, status=error.status_code, headers=error.headers).to_response()
