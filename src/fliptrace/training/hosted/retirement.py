"""Checks, before money is spent, that a model will still be available after training."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING

from fliptrace.core.errors import RunError
from fliptrace.models.hosted.client import retry_blocking
from fliptrace.models.hosted.provider import Provider

if TYPE_CHECKING:
    from openai import OpenAI

# OpenAI's deprecations page, notice of 7 May 2026: the last day on which customers can start new jobs.
OPENAI_LAST_JOBS = date(2027, 1, 6)
_SOON = timedelta(days=90)


def check_retirement(provider: Provider, client: OpenAI, today: date) -> Iterator[str]:
    """Yield what a user should know before a job is created. RunError where it is too late for one.

    A provider that gives no shutdown date, or has no list of models, is assumed to keep the model.
    """
    if provider.is_openai and today > OPENAI_LAST_JOBS:
        raise RunError(
            provider.ref,
            f"OpenAI accepts no new fine-tuning jobs after {OPENAI_LAST_JOBS}; expected another provider",
        )
    if provider.is_openai:
        yield f"OpenAI accepts new fine-tuning jobs only until {OPENAI_LAST_JOBS}"
    ends = find_shutdown(provider, client)
    if ends is not None and ends <= today:
        raise RunError(provider.ref, f"was shut down on {ends}; models trained on it could not be used")
    if ends is not None and ends - today <= _SOON:
        yield f"{provider.ref} will be shut down on {ends}, together with all models trained on it"


def find_shutdown(provider: Provider, client: OpenAI) -> date | None:
    """Return the shutdown date of a model from the provider's list of models; None where it gives none."""
    from openai import APIStatusError

    def retrieve() -> str | None:
        try:
            return client.models.retrieve(provider.model).shutdown_date
        except AttributeError:  # HTTP 200, but the body is not a model
            return None
        except APIStatusError as error:
            if error.status_code in (404, 405, 501):
                return None
            raise

    text = retry_blocking(provider, retrieve)
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None
