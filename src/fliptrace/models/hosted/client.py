"""A single call to a provider: retries, payment from a budget, and errors in fliptrace's own words.

Calls are retried on 408, 409, 429, 5xx and broken connections, with backoff and jitter, and after any delay that the
provider asks for. A call that waits for its retry occupies none of the slots for calls in flight.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from fliptrace.core.errors import InputError, RunError
from fliptrace.core.messages import Message
from fliptrace.models.hosted.budget import Budget, Price, as_unicode, count_about, count_at_most
from fliptrace.models.hosted.errors import explain, find_error, how_to_go_on
from fliptrace.models.hosted.keys import hide_keys
from fliptrace.models.hosted.provider import Provider
from fliptrace.models.hosted.response import ChatReply

if TYPE_CHECKING:
    from httpx2 import Response
    from openai import AsyncOpenAI

T = TypeVar("T")


class _KeyFilter(logging.Filter):
    """Removes keys from stamina's log records of retries, which quote the server's error."""

    def filter(self, record: logging.LogRecord) -> bool:
        texts = {name: value for name, value in vars(record).items() if isinstance(value, str)}
        vars(record).update({name: hide_keys(value) for name, value in texts.items()})
        return True


# stamina logs every retry as a warning, which goes to stderr without a handler. Callers count and show retries instead.
logging.getLogger("stamina").addHandler(logging.NullHandler())
logging.getLogger("stamina").addFilter(_KeyFilter())

MAX_TOKENS = "max_completion_tokens"
LEGACY_MAX_TOKENS = "max_tokens"
_FIRST_WAIT_SECONDS = 0.1  # plus as much jitter; tripled for each further retry: a minute in all
_MAX_WAIT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class CallSettings:
    """How calls are made.

    At most `concurrency` calls are in flight. Each attempt, the whole reply included, ends after `timeout_seconds`, and
    a call has `max_attempts` attempts in all.
    """

    concurrency: int = 8
    timeout_seconds: float = 120.0
    max_attempts: int = 8

    def __post_init__(self) -> None:
        if self.concurrency < 1 or self.max_attempts < 1:
            raise InputError(
                "concurrency", f"{self.concurrency}, with {self.max_attempts} attempts; expected 1 or more of each"
            )
        if not self.timeout_seconds > 0:
            raise InputError("timeout", f"{self.timeout_seconds} seconds; expected more than 0")


@dataclass
class Caller:
    """Makes chat completion calls within one event loop."""

    provider: Provider
    client: AsyncOpenAI
    settings: CallSettings
    budget: Budget
    price: Price | None = None
    _slots: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.settings.concurrency)

    async def call(self, messages: Sequence[Message], parameters: Mapping[str, Any]) -> ChatReply:
        """Make a call, with retries, and return the reply. Errors as in `retried` and `call_once`."""
        return await self.retried(partial(self.call_once, messages, parameters))

    async def wait_for_place(self) -> None:
        """Wait for a free slot, behind all calls that are already waiting for one."""
        async with self._slots:
            pass

    async def retried(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run `work`, which makes one call, in a free slot, and retry it while that may help.

        Refused, Filtered or another InputError where no reply can be had.
        """
        import openai

        attempts = _attempts(self.settings.max_attempts)
        try:
            async for attempt in attempts:
                self.budget.num_retries += attempt.num > 1
                with attempt:
                    async with self._slots:
                        return await work()
        except openai.APIError as error:
            raise explain(self.provider, error) from None  # its own text may contain a key
        raise AssertionError("a retried call either returns or raises")

    async def call_once(self, messages: Sequence[Message], parameters: Mapping[str, Any]) -> ChatReply:
        """Make one call, pay for it and return the reply.

        openai.APIError where no reply arrives, InputError where the response is not a chat completion, RunError where
        it has no choices or the call might exceed the budget.
        """
        import httpx2

        max_tokens = parameters.get(MAX_TOKENS) or parameters.get(LEGACY_MAX_TOKENS) or 0
        rows = [{"role": message.role, "content": as_unicode(message.content)} for message in messages]
        body = {"model": self.provider.model, "messages": rows} | dict(parameters)
        max_dollars = self.price.of(count_at_most(messages), parameters.get("n", 1) * max_tokens) if self.price else 0.0
        reserved = self.budget.set_aside(max_dollars, "the next call")
        try:
            response = await self.client.post("/chat/completions", cast_to=httpx2.Response, body=body)
        finally:
            self.budget.release(reserved)
        reply = self._read(response)
        if reply.usage is None:
            written = [Message("assistant", choice.text) for choice in reply.choices]
            self.budget.pay(count_about(messages), count_about(written), self.price)
        else:
            self.budget.pay(reply.usage.prompt_tokens, reply.usage.completion_tokens, self.price)
        if not reply.choices:
            raise RunError(self.provider.ref, "answered a request with no replies; expected at least one")
        return reply

    async def list_models(self) -> dict[str, int | None]:
        """Return the models that a server lists and their context length in tokens, if given; empty without a list."""
        import openai

        listed: dict[str, int | None] = {}
        try:
            async for model in self.client.models.list():
                length = (model.model_extra or {}).get("max_model_len")  # vLLM's
                listed[model.id] = length if isinstance(length, int) else None
        except (openai.APIError, AttributeError, ValueError, TypeError):  # HTTP 200, but not a list of models
            return listed
        return listed

    def _read(self, response: Response) -> ChatReply:
        try:
            reply = ChatReply.model_validate_json(response.content)
            if not any(choice.error for choice in reply.choices):
                return reply
        except ValidationError:
            pass
        error = find_error(_json_of(response.content), response)
        if error is None:
            raise InputError(
                self.provider.ref,
                f"{self.provider.url} sent no chat completion; expected an OpenAI-compatible address, often in /v1",
            )
        raise error


def _json_of(content: bytes) -> object:
    """The value of a JSON text; None if it is none."""
    try:
        value: object = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return value


def retry_blocking(provider: Provider, work: Callable[[], T], num_attempts: int = CallSettings().max_attempts) -> T:
    """Run `work`, which makes one call, and retry it while that may help. Errors as in `Caller.retried`."""
    import openai

    attempts = _attempts(num_attempts)
    try:
        for attempt in attempts:
            with attempt:
                return work()
    except openai.APIError as error:
        raise explain(provider, error) from None
    raise AssertionError("a retried call either returns or raises")


def _attempts(num_attempts: int) -> Any:
    import stamina

    return stamina.retry_context(
        on=how_to_go_on,
        attempts=num_attempts,
        timeout=None,
        wait_initial=_FIRST_WAIT_SECONDS,
        wait_jitter=_FIRST_WAIT_SECONDS,
        wait_exp_base=3,
        wait_max=_MAX_WAIT_SECONDS,
    )
