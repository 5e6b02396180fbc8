"""Errors of calls to a provider: whether and when to retry, and what to report otherwise, without API keys."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from fliptrace.core.errors import InputError
from fliptrace.models.hosted.keys import hide_keys
from fliptrace.models.hosted.provider import Provider

if TYPE_CHECKING:
    from httpx2 import Response
    from openai import APIStatusError

_RETRIED_STATUSES = (408, 409, 429)
_PERMANENT_CODES = ("insufficient_quota", "billing_hard_limit_reached")  # codes of a 429 that waiting does not resolve
# Codes and types of errors that come with HTTP 200, as the statuses that they stand for.
_STATUSES = {
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "insufficient_quota": 429,
    "overloaded": 503,
    "overloaded_error": 503,
    "service_unavailable": 503,
    "server_error": 500,
    "internal_server_error": 500,
    "api_error": 500,
    "timeout": 408,
    "invalid_api_key": 401,
    "model_not_found": 404,
    "invalid_request_error": 400,
}
_MAX_RETRY_AFTER_SECONDS = 600.0  # a longer Retry-After is cut to this


class Refused(InputError):
    """The provider rejects the request. `field` is the parameter it rejects, where it says so."""

    field: str = ""


class NoSuchModel(InputError):
    """The provider knows no model of that name, or nothing at that address."""


class Filtered(InputError):
    """The provider's content filter rejected the prompt."""


def how_to_go_on(error: Exception) -> bool | timedelta:
    """Return whether to retry a call that ended in this error, or the delay before the retry."""
    import openai

    if isinstance(error, openai.APIStatusError):
        is_lasting = error.status_code not in _RETRIED_STATUSES and error.status_code < 500
        if is_lasting or error.code in _PERMANENT_CODES:
            return False
        return wanted_wait(error) or True
    return isinstance(error, openai.APIConnectionError) and not isinstance(error.__cause__, InputError)


def wanted_wait(error: APIStatusError) -> timedelta | None:
    """Return the delay that the response asks for; None where it gives none that can be parsed.

    It is read from `retry-after-ms`, OpenAI's own header, or from `Retry-After`, in seconds or as a date.
    """
    headers = error.response.headers
    retry_after = headers.get("retry-after", "")
    try:
        seconds = float(headers["retry-after-ms"]) / 1000 if "retry-after-ms" in headers else float(retry_after)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds()
        except (TypeError, ValueError):
            return None
    if math.isnan(seconds):
        return None
    return timedelta(seconds=max(0.0, min(seconds, _MAX_RETRY_AFTER_SECONDS)))


def find_error(body: object, response: Response) -> APIStatusError | None:
    """Return the error that a body holds though the response is HTTP 200; None if it holds none.

    Proxies answer so where the model behind them fails. Its status is that of its code; without one it stays 200, which
    is not retried.
    """
    import openai

    error = _error_object(body)
    if error is None:
        return None
    found = openai.APIStatusError(str(error.get("message") or "an error"), response=response, body=error)
    for named in (error.get("code"), error.get("status"), error.get("type")):
        status = _STATUSES.get(named) if isinstance(named, str) else named
        if status is None and isinstance(named, str) and named.isascii() and named.isdecimal():
            status = int(named)
        if type(status) is int and 400 <= status < 600:
            found.status_code = status
            break
    return found


def _error_object(body: object) -> Mapping[str, object] | None:
    """The error of a body: `{"error": ...}`, vLLM's `{"object": "error", ...}`, or that of a choice."""
    if not isinstance(body, Mapping):
        return None
    error = body if body.get("object") == "error" else body.get("error")
    choices = body.get("choices")
    if not error and isinstance(choices, list):
        error = next(
            (choice["error"] for choice in choices if isinstance(choice, Mapping) and choice.get("error")), None
        )
    if isinstance(error, str) and error:
        return {"message": error}
    return error if isinstance(error, Mapping) and error else None


def explain(provider: Provider, error: Exception) -> InputError:
    """Convert a provider's error to an InputError, without API keys."""
    import openai

    if isinstance(error.__cause__, InputError):  # raised by http_client.py
        return error.__cause__
    if isinstance(error, openai.APITimeoutError):
        return InputError(provider.ref, "no reply in time after several attempts; a longer --timeout may help")
    if isinstance(error, openai.APIConnectionError):
        return InputError(provider.ref, f"cannot be reached at {provider.url} ({_cause_text(error)})")
    if not isinstance(error, openai.APIStatusError):
        return InputError(provider.ref, hide_keys(str(error)))
    message = f"HTTP {error.status_code}: {_error_text(error)}"
    if error.status_code in (401, 403):
        return InputError(provider.ref, f"{message}; is the key in the environment the right one?")
    if error.code == "content_filter":
        return Filtered(provider.ref, message)
    if error.status_code in (400, 422):
        refused = Refused(provider.ref, message)
        refused.field = str(error.param or "")
        return refused
    return (NoSuchModel if error.status_code == 404 else InputError)(provider.ref, message)


def _error_text(error: APIStatusError) -> str:
    body = error.body
    message = body.get("message") or body.get("detail") if isinstance(body, Mapping) else None
    text = str(message or error.response.text or error.message)
    return hide_keys(text)[:500]


def _cause_text(error: Exception) -> str:
    cause = error.__cause__ or error
    return hide_keys(f"{type(cause).__name__}: {cause}" if str(cause) else type(cause).__name__)
