"""One call to a provider: made again while that may help, paid from a budget, its errors in our words.

Made again on 408, 409, 429, 5xx and broken connections, with backoff and jitter, after as long as the provider asks
for. A call that waits holds no place among those that are under way.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from fliptrace.core.errors import InputError
from fliptrace.core.messages import Message
from fliptrace.models.hosted.budget import Budget, Price, as_unicode, count_about, count_at_most
from fliptrace.models.hosted.errors import explain, how_to_go_on
from fliptrace.models.hosted.provider import Provider, hide_keys
from fliptrace.models.hosted.response import ChatReply

if TYPE_CHECKING:
    from openai import AsyncOpenAI

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
_WAIT_FIRST_SECONDS = 0.1  # and as much again at random, then three times as long each time: a minute in all
_WAIT_MAX_SECONDS = 30.0


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
            raise InputError(
                "concurrency", f"{self.concurrency}, {self.max_attempts} attempts: expected 1 or more each"
            )
        if not self.timeout_seconds > 0:
            raise InputError("timeout", f"{self.timeout_seconds} seconds: expected more than 0")


@dataclass
class Caller:
    """Makes calls of chat completions within one event loop."""

    provider: Provider
    client: AsyncOpenAI
    settings: CallSettings
    budget: Budget
    price: Price | None = None
    _places: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._places = asyncio.Semaphore(self.settings.concurrency)

    async def call(self, messages: Sequence[Message], parameters: Mapping[str, Any]) -> ChatReply:
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

        attempts = _attempts(self.settings.max_attempts)
        try:
            async for attempt in attempts:
                self.budget.num_retries += attempt.num > 1
                with attempt:
                    async with self._places:
                        return await work()
        except openai.APIError as error:
            raise explain(self.provider, error) from None  # its own text may hold what must not be shown
        raise AssertionError("a retried call either returns or raises")

    async def call_once(self, messages: Sequence[Message], parameters: Mapping[str, Any]) -> ChatReply:
        """The provider's reply, paid for. openai.APIError where none comes, InputError where what comes is none,
        RunError where it might cost too much.
        """
        import httpx2

        max_tokens = parameters.get(MAX_TOKENS) or parameters.get(LEGACY_MAX_TOKENS) or 0
        said = [{"role": message.role, "content": as_unicode(message.content)} for message in messages]
        body = {"model": self.provider.model, "messages": said} | dict(parameters)
        at_most = self.price.of(count_at_most(messages), parameters.get("n", 1) * max_tokens) if self.price else 0.0
        reserved = self.budget.set_aside(at_most, "the next call")
        try:
            response = await self.client.post("/chat/completions", cast_to=httpx2.Response, body=body)
        finally:
            self.budget.release(reserved)
        reply = self._read(response.content)
        if reply.usage is None:
            written = [Message("assistant", choice.text) for choice in reply.choices]
            self.budget.pay(count_about(messages), count_about(written), self.price)
        else:
            self.budget.pay(reply.usage.prompt_tokens, reply.usage.completion_tokens, self.price)
        return reply

    async def list_models(self) -> dict[str, int | None]:
        """The models that a server lists, with their tokens of context where it tells them; empty without a list."""
        import openai

        listed: dict[str, int | None] = {}
        try:
            async for model in self.client.models.list():
                length = (model.model_extra or {}).get("max_model_len")  # vLLM's
                listed[model.id] = length if isinstance(length, int) else None
        except (openai.APIError, AttributeError, ValueError, TypeError):  # not a list, but 200
            return listed
        return listed

    def _read(self, content: bytes) -> ChatReply:
        try:
            return ChatReply.model_validate_json(content)
        except ValidationError:
            raise InputError(
                self.provider.ref,
                f"what answers at {self.provider.url} speaks another format; most often the address has to end in /v1",
            ) from None


def retry_blocking(provider: Provider, work: Callable[[], T]) -> T:
    """Do work that makes one call, and again while that may help; errors as in `Caller.retried`."""
    import openai

    attempts = _attempts(CallSettings().max_attempts)
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
        wait_initial=_WAIT_FIRST_SECONDS,
        wait_jitter=_WAIT_FIRST_SECONDS,
        wait_exp_base=3,
        wait_max=_WAIT_MAX_SECONDS,
    )
