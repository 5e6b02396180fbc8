"""One call to a provider: made again while that may help, paid from a purse, its errors in our words.

Made again on 408, 409, 429, 5xx and broken connections, with backoff and jitter, after as long as the provider asks
for. A call that waits holds no place among those that are under way.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from fliptrace.errors import InputError
from fliptrace.messages import Message
from fliptrace.models.provider import Provider, hide_keys
from fliptrace.models.spending import Purse, as_unicode, count_about, count_at_most

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI
    from openai.types.chat import ChatCompletion

T = TypeVar("T")


class _WithoutKeys(logging.Filter):
    """Takes keys out of what stamina logs of a retry: the error that caused it, in a server's own words."""

    def filter(self, record: logging.LogRecord) -> bool:
        texts = {name: value for name, value in vars(record).items() if isinstance(value, str)}
        vars(record).update({name: hide_keys(value) for name, value in texts.items()})
        return True


# It logs every retry as a warning, which without any handler goes to stderr: ours are counted and shown by the caller.
logging.getLogger("stamina").addHandler(logging.NullHandler())
logging.getLogger("stamina").addFilter(_WithoutKeys())

MAX_TOKENS = "max_completion_tokens"
LEGACY_MAX_TOKENS = "max_tokens"
_RETRIED = (408, 409, 429)
_HOPELESS = ("insufficient_quota", "billing_hard_limit_reached")  # codes of a 429 that no waiting mends
_WAIT_FIRST_SECONDS = 0.1  # and as much again at random, then three times as long each time: a minute in all
_WAIT_MAX_SECONDS = 30.0
_WAIT_ASKED_FOR_MAX_SECONDS = 600.0  # one that asks for more is asked again then all the same


class Refused(InputError):
    """The provider does not take the request as it is; `field` is what it does not take, where it says so."""

    field: str = ""


class NoSuchModel(InputError):
    """The provider knows no model of that name, or nothing at that address."""


class Filtered(InputError):
    """The provider's content filter took offence at the prompt."""


@dataclass(frozen=True, slots=True)
class CallSettings:
    """How calls are made: at most `concurrency` at a time, each given up after `timeout_seconds` and made again, up to
    `max_attempts` times.
    """

    concurrency: int = 8
    timeout_seconds: float = 120.0
    max_attempts: int = 8

    def __post_init__(self) -> None:
        if self.concurrency < 1 or self.max_attempts < 1:
            raise InputError("concurrency", f"{self.concurrency}, {self.max_attempts} attempts: wanted 1 or more each")
        if not self.timeout_seconds > 0:
            raise InputError("timeout", f"{self.timeout_seconds} seconds: wanted more than 0")


@dataclass
class Caller:
    """Makes calls of chat completions within one event loop."""

    provider: Provider
    client: AsyncOpenAI
    settings: CallSettings
    purse: Purse
    _places: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._places = asyncio.Semaphore(self.settings.concurrency)

    async def call(self, messages: Sequence[Message], parameters: Mapping[str, Any]) -> ChatCompletion:
        """The provider's reply, asked for until it comes; errors as in `retried` and `call_once`."""
        return await self.retried(partial(self.call_once, messages, parameters))

    async def wait_for_place(self) -> None:
        """Until there is one, behind all who wait for one by now."""
        async with self._places:
            pass

    async def retried(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do work that makes one call, in one of the places, and again while that may help.

        Refused, Filtered, or another InputError where there is no reply to be had.
        """
        import openai
        import stamina

        attempts = stamina.retry_context(
            on=how_to_go_on,
            attempts=self.settings.max_attempts,
            timeout=None,
            wait_initial=_WAIT_FIRST_SECONDS,
            wait_jitter=_WAIT_FIRST_SECONDS,
            wait_exp_base=3,
            wait_max=_WAIT_MAX_SECONDS,
        )
        try:
            async for attempt in attempts:
                self.purse.num_retries += attempt.num > 1
                with attempt:
                    async with self._places:
                        return await work()
        except openai.APIError as error:
            raise explain(self.provider, error) from None  # its own text may hold what must not be shown
        raise AssertionError("a retried call either returns or raises")

    async def call_once(self, messages: Sequence[Message], parameters: Mapping[str, Any]) -> ChatCompletion:
        """The provider's reply, paid for. openai.APIError where none comes, RunError where it might cost too much."""
        from openai.types.chat import ChatCompletion

        max_tokens = parameters.get(MAX_TOKENS) or parameters.get(LEGACY_MAX_TOKENS) or 0
        reserved = self.purse.reserve(count_at_most(messages), parameters.get("n", 1) * max_tokens)
        said = [{"role": message.role, "content": as_unicode(message.content)} for message in messages]
        try:
            reply = await self.client.chat.completions.create(
                model=self.provider.model,
                messages=(),  # in the body: every other field is looked through, which takes 0.3 ms
                extra_body={"messages": said} | dict(parameters),
            )
        finally:
            self.purse.release(reserved)
        if not isinstance(reply, ChatCompletion) or not isinstance(reply.choices, list):
            raise InputError(
                self.provider.ref,
                f"what answers at {self.provider.url} speaks another format; wanted an address that "
                "ends in /v1, most often",
            )
        usage = reply.usage
        if usage is None:
            written = [Message("assistant", choice.message.content or "") for choice in reply.choices]
            self.purse.pay(count_about(messages), count_about(written))
        else:
            self.purse.pay(usage.prompt_tokens, usage.completion_tokens)
        return reply


def retry_blocking(provider: Provider, work: Callable[[], T]) -> T:
    """Do work that makes one call, and again while that may help; errors as in `Caller.retried`."""
    import openai
    import stamina

    attempts = stamina.retry_context(
        on=how_to_go_on,
        attempts=CallSettings().max_attempts,
        timeout=None,
        wait_initial=_WAIT_FIRST_SECONDS,
        wait_jitter=_WAIT_FIRST_SECONDS,
        wait_exp_base=3,
        wait_max=_WAIT_MAX_SECONDS,
    )
    try:
        for attempt in attempts:
            with attempt:
                return work()
    except openai.APIError as error:
        raise explain(provider, error) from None
    raise AssertionError("a retried call either returns or raises")


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
    """What a `Retry-After` header asks for, in seconds or as a date; None without one that can be read."""
    asked = error.response.headers.get("retry-after")
    if asked is None:
        return None
    try:
        seconds = float(asked)
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
