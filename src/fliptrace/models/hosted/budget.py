"""What hosted replies cost: tokens estimated and counted, prices, and a limit that is never passed.

Prices are those of the package genai-prices, or given by hand. Tokens read from a provider's cache count in full, so
that what is said is at most what is billed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from fliptrace.core.errors import InputError, RunError
from fliptrace.core.messages import Message
from fliptrace.models.hosted.provider import Provider

_BYTES_A_TOKEN = 4  # of English in the tokenizers of LLMs, for what is said before the start
_TOKENS_A_MESSAGE = 4  # role and separators of a chat template
TOKEN_SAFETY_FACTOR = 1.5  # times what `count_about` thinks, where it must not be too few: other languages, odd names
_MILLION = 1_000_000
_SHORT = 1_000  # tokens of a dialogue: some models cost more from 200,000 on


class Price(NamedTuple):
    """Dollars a million tokens."""

    prompt: float
    reply: float

    def of(self, num_prompt_tokens: float, num_tokens: float) -> float:
        return (num_prompt_tokens * self.prompt + num_tokens * self.reply) / _MILLION


class Estimate(NamedTuple):
    """What is about to be asked: prompt tokens, estimated; reply tokens and `dollars`, at most, None without a price.

    `num_known` replies are on disk already and cost nothing.
    """

    num_calls: int
    num_prompt_tokens: int
    max_tokens: int
    num_known: int
    dollars: float | None


class Spent(NamedTuple):
    """So far: finished calls, tokens as the provider counts them, dollars (None without a price), calls made again."""

    num_calls: int
    num_prompt_tokens: int
    num_tokens: int
    dollars: float | None
    num_retries: int


class Watcher(Protocol):
    """Who is told what a hosted model is at."""

    def found(self, remark: str) -> None: ...
    def begins(self, estimate: Estimate) -> None: ...
    def answered(self, spent: Spent) -> None: ...


class NobodyWatches:
    """A watcher that says nothing."""

    def found(self, remark: str) -> None: ...
    def begins(self, estimate: Estimate) -> None: ...
    def answered(self, spent: Spent) -> None: ...


def parse_price(text: str) -> Price:
    """A price as a command line gives it.

    >>> parse_price("0.4/1.6")
    Price(prompt=0.4, reply=1.6)
    """
    prompt, slash, reply = text.partition("/")
    try:
        price = Price(float(prompt), float(reply))
    except ValueError:
        price = Price(-1, -1)
    if not slash or not all(0 <= dollars < math.inf for dollars in price):
        raise InputError(f"--price {text!r}", "expected dollars a million tokens of prompt and reply, such as 0.4/1.6")
    return price


def find_price(provider: Provider) -> Price | None:
    """The published price of short prompts; None of a server of one's own and of an unknown model, as most fine-tuned
    ones are.
    """
    from genai_prices import Usage, calc_price

    if provider.kind == "server" or not (provider.is_openai or provider.kind == "azure"):
        return None
    try:
        found = calc_price(
            Usage(input_tokens=_SHORT, output_tokens=_SHORT),
            provider.model,
            provider_id="azure" if provider.kind == "azure" else "openai",
        )
    except LookupError:
        return None
    return Price(*(float(dollars) * _MILLION / _SHORT for dollars in (found.input_price, found.output_price)))


def training_cost(num_tokens: float, training_price: float | None) -> float | None:
    """Dollars of training on so many tokens, at a price a million of them; None without one."""
    return None if training_price is None else num_tokens * training_price / _MILLION


def count_about(messages: Sequence[Message]) -> int:
    """Tokens of a prompt, estimated without its tokenizer."""
    return sum(_num_bytes(message) // _BYTES_A_TOKEN + _TOKENS_A_MESSAGE for message in messages)


def count_at_most(messages: Sequence[Message]) -> int:
    """More tokens than any tokenizer of bytes makes of a prompt."""
    return sum(_num_bytes(message) + 2 * _TOKENS_A_MESSAGE for message in messages)


def as_unicode(text: str) -> str:
    """The text as it can be sent: half an emoji, which UTF-8 has no bytes for, as an escape."""
    return text.encode(errors="backslashreplace").decode()


def _num_bytes(message: Message) -> int:
    return len(message.content.encode(errors="backslashreplace"))


@dataclass
class Budget:
    """Counts what is spent, on one model or on several, and lets no call begin that might pass `limit` dollars."""

    limit: float | None = None
    num_calls: int = 0
    num_prompt_tokens: int = 0
    num_tokens: int = 0
    num_retries: int = 0
    dollars: float = 0.0
    _knows_prices: bool = False
    _reserved: float = 0.0

    @property
    def spent(self) -> Spent:
        dollars = self.dollars if self._knows_prices else None
        return Spent(self.num_calls, self.num_prompt_tokens, self.num_tokens, dollars, self.num_retries)

    def set_aside(self, dollars: float, what: str) -> float:
        """What a call or a job may cost at most; RunError where that might pass the limit."""
        if self.limit is not None and self.dollars + self._reserved + dollars > self.limit:
            raise RunError(
                "--max-cost",
                f"${self.dollars:.4f} are spent, ${self._reserved:.4f} set aside for requests under way, and {what} "
                f"may cost ${dollars:.4f}: over ${self.limit:g}. What was answered is on disk; the same command goes "
                "on from there, with a limit of its own",
            )
        self._reserved += dollars
        return dollars

    def release(self, reserved: float) -> None:
        self._reserved = max(0.0, self._reserved - reserved)

    def pay(self, num_prompt_tokens: int, num_tokens: int, price: Price | None) -> None:
        """Count a finished call."""
        self.num_calls += 1
        self.num_prompt_tokens += num_prompt_tokens
        self.num_tokens += num_tokens
        self.pay_dollars(price and price.of(num_prompt_tokens, num_tokens))

    def pay_dollars(self, dollars: float | None) -> None:
        """Count a sum; None where nobody knows the price."""
        self._knows_prices |= dollars is not None
        self.dollars += dollars or 0.0
