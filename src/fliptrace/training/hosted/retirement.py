"""Whether a model will still be there once it is trained: asked before money is spent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING

from fliptrace.core.errors import RunError
from fliptrace.models.hosted.client import retry_blocking
from fliptrace.models.hosted.provider import Provider

if TYPE_CHECKING:
    from openai import OpenAI

# OpenAI's page of deprecations, notice of 7 May 2026: the last day on which its customers can start new jobs.
OPENAI_LAST_JOBS = date(2027, 1, 6)
_SOON = timedelta(days=90)


def check_retirement(provider: Provider, client: OpenAI, today: date) -> Iterator[str]:
    """What a user should know before a job is made; RunError where it is too late for one.

    A provider that tells no date, or has no list of models, is taken at its word.
    """
    if provider.is_openai and today > OPENAI_LAST_JOBS:
        raise RunError(
            provider.ref,
            f"OpenAI has taken no new fine-tuning jobs since {OPENAI_LAST_JOBS}; expected another provider",
        )
    if provider.is_openai:
        yield f"OpenAI takes new fine-tuning jobs until {OPENAI_LAST_JOBS} only"
    ends = find_shutdown(provider, client)
    if ends is not None and ends <= today:
        raise RunError(provider.ref, f"was shut down on {ends}; nothing trained on it could be asked")
    if ends is not None and ends - today <= _SOON:
        yield f"{provider.ref} is shut down on {ends}, and what is trained on it with it"


def find_shutdown(provider: Provider, client: OpenAI) -> date | None:
    """The day on which a model goes, as the provider's list of models tells; None where it does not."""
    from openai import APIStatusError

    def retrieve() -> str | None:
        try:
            return client.models.retrieve(provider.model).shutdown_date
        except AttributeError:  # 200, and no model
            return None
        except APIStatusError as error:
            if error.status_code in (404, 405, 501):
                return None
            raise

    told = retry_blocking(provider, retrieve)
    try:
        return date.fromisoformat(told) if told else None
    except ValueError:
        return None
