"""What can go wrong with a call to a provider: whether to make it again and when, else what to tell, without keys."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from fliptrace.core.errors import InputError
from fliptrace.models.hosted.provider import Provider, hide_keys

if TYPE_CHECKING:
    from openai import APIStatusError

_RETRIED = (408, 409, 429)
_HOPELESS = ("insufficient_quota", "billing_hard_limit_reached")  # codes of a 429 that no waiting mends
_WAIT_ASKED_FOR_MAX_SECONDS = 600.0  # one that asks for more is asked again then all the same


class Refused(InputError):
    """The provider does not take the request as it is; `field` is what it does not take, where it says so."""

    field: str = ""


class NoSuchModel(InputError):
    """The provider knows no model of that name, or nothing at that address."""


class Filtered(InputError):
    """The provider's content filter took offence at the prompt."""


def how_to_go_on(error: Exception) -> bool | timedelta:
    """Whether to make a call again that ended in this, or in how long."""
    import openai

    if isinstance(error, openai.APIStatusError):
        is_lasting = error.status_code not in _RETRIED and error.status_code < 500
        if is_lasting or error.code in _HOPELESS:
            return False
        return wanted_wait(error) or True
    return isinstance(error, openai.APIConnectionError)


def wanted_wait(error: APIStatusError) -> timedelta | None:
    """What a `Retry-After` header asks for, in seconds or as a date, or OpenAI's own in milliseconds; None without one
    that can be read.
    """
    headers = error.response.headers
    asked = headers.get("retry-after", "")
    try:
        seconds = float(headers["retry-after-ms"]) / 1000 if "retry-after-ms" in headers else float(asked)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(asked) - datetime.now(UTC)).total_seconds()
        except (TypeError, ValueError):
            return None
    if math.isnan(seconds):
        return None
    return timedelta(seconds=max(0.0, min(seconds, _WAIT_ASKED_FOR_MAX_SECONDS)))


def explain(provider: Provider, error: Exception) -> InputError:
    """A provider's error in our words, without keys."""
    import openai

    if isinstance(error, openai.APITimeoutError):
        return InputError(provider.ref, "no reply in time, several times over; a longer --timeout may help")
    if isinstance(error, openai.APIConnectionError):
        return InputError(provider.ref, f"cannot be reached at {provider.url} ({_cause(error)})")
    if not isinstance(error, openai.APIStatusError):
        return InputError(provider.ref, hide_keys(str(error)))
    said = f"HTTP {error.status_code}: {_said(error)}"
    if error.status_code in (401, 403):
        return InputError(provider.ref, f"{said}; is the key in the environment the right one?")
    if error.code == "content_filter":
        return Filtered(provider.ref, said)
    if error.status_code in (400, 422):
        refused = Refused(provider.ref, said)
        refused.field = str(error.param or "")
        return refused
    return (NoSuchModel if error.status_code == 404 else InputError)(provider.ref, said)


def _said(error: APIStatusError) -> str:
    body = error.body
    message = body.get("message") or body.get("detail") if isinstance(body, Mapping) else None
    text = str(message or error.response.text or error.message)
    return hide_keys(text)[:500]


def _cause(error: Exception) -> str:
    cause = error.__cause__ or error
    return hide_keys(f"{type(cause).__name__}: {cause}" if str(cause) else type(cause).__name__)
