"""The cost of hosted replies: token counts, prices, and a spending limit that is never exceeded.

Prices come from the package genai-prices or are given by hand. Tokens read from a provider's cache count at the full
price.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from fliptrace.core.errors import InputError, RunError
from fliptrace.core.messages import Message
from fliptrace.models.hosted.provider import Provider

_BYTES_PER_TOKEN = 4  # of English text in LLM tokenizers; used for estimates only
_TOKENS_PER_MESSAGE = 4  # role and separators of a chat template
TOKEN_SAFETY_FACTOR = 1.5  # multiplies `count_about` where an underestimate would hurt: other languages, odd names
_MILLION = 1_000_000
_SHORT_PROMPT = 1_000  # as in a dialogue; some models cost more from 200,000 tokens on


class Price(NamedTuple):
    """A price in dollars per million tokens."""

    prompt: float
    reply: float

    def of(self, num_prompt_tokens: float, num_tokens: float) -> float:
        """Return the dollars for `num_prompt_tokens` of prompt and `num_tokens` of reply."""
        return (num_prompt_tokens * self.prompt + num_tokens * self.reply) / _MILLION


class Estimate(NamedTuple):
    """Size and cost of the requests about to be sent.

    `num_prompt_tokens` is an estimate. `max_tokens` and `dollars` assume the longest possible replies; `dollars` is
    None without a price. `num_known` replies are already on disk and cost nothing.
    """

    num_calls: int
    num_prompt_tokens: int
    max_tokens: int
    num_known: int
    dollars: float | None


class Spent(NamedTuple):
    """Usage so far: finished calls, tokens as the provider counts them, dollars (None without a price), and retries."""

    num_calls: int
    num_prompt_tokens: int
    num_tokens: int
    dollars: float | None
    num_retries: int


class Watcher(Protocol):
    """Receives remarks about a server, the estimate before each round of requests, and usage after each call."""

    def found(self, remark: str) -> None: ...
    def begins(self, estimate: Estimate) -> None: ...
    def answered(self, spent: Spent) -> None: ...


class NobodyWatches:
    """A watcher that ignores everything."""

    def found(self, remark: str) -> None: ...
    def begins(self, estimate: Estimate) -> None: ...
    def answered(self, spent: Spent) -> None: ...


def parse_price(text: str) -> Price:
    """Parse a price given as PROMPT/REPLY on the command line. InputError where it is not two numbers from 0.

    >>> parse_price("0.4/1.6")
    Price(prompt=0.4, reply=1.6)
    """
    prompt, slash, reply = text.partition("/")
    try:
        price = Price(float(prompt), float(reply))
    except ValueError:
        price = Price(-1, -1)
    if not slash or not all(0 <= dollars < math.inf for dollars in price):
        raise InputError(f"--price {text!r}", "expected dollars per million tokens of prompt and reply, as in 0.4/1.6")
    return price


def find_price(provider: Provider) -> Price | None:
    """Return the published price for short prompts.

    None for self-hosted servers and for unknown models, which include most fine-tuned ones.
    """
    from genai_prices import Usage, calc_price

    if provider.kind == "server" or not (provider.is_openai or provider.kind == "azure"):
        return None
    try:
        found = calc_price(
            Usage(input_tokens=_SHORT_PROMPT, output_tokens=_SHORT_PROMPT),
            provider.model,
            provider_id="azure" if provider.kind == "azure" else "openai",
        )
    except LookupError:
        return None
    return Price(*(float(dollars) * _MILLION / _SHORT_PROMPT for dollars in (found.input_price, found.output_price)))


def training_cost(num_tokens: float, training_price: float | None) -> float | None:
    """Return the dollars for training on `num_tokens`; None without a price per million tokens."""
    return None if training_price is None else num_tokens * training_price / _MILLION


def count_about(messages: Sequence[Message]) -> int:
    """Estimate the tokens of a prompt without its tokenizer."""
    return sum(_num_bytes(message) // _BYTES_PER_TOKEN + _TOKENS_PER_MESSAGE for message in messages)


def count_at_most(messages: Sequence[Message]) -> int:
    """Return more tokens than any byte-level tokenizer makes of a prompt."""
    return sum(_num_bytes(message) + 2 * _TOKENS_PER_MESSAGE for message in messages)


def as_unicode(text: str) -> str:
    """Return the text with lone surrogates (half an emoji) escaped, since UTF-8 cannot encode them."""
    return text.encode(errors="backslashreplace").decode()


def _num_bytes(message: Message) -> int:
    return len(message.content.encode(errors="backslashreplace"))


@dataclass
class Budget:
    """Tracks spending on one or several models and refuses every call that might exceed `limit` dollars."""

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
        """Reserve the most that a call or a job may cost, and return it. RunError where that might exceed the limit.

        `what` names the call or job in the error.
        """
        if self.limit is not None and self.dollars + self._reserved + dollars > self.limit:
            raise RunError(
                "--max-cost",
                f"${self.dollars:.4f} spent, ${self._reserved:.4f} reserved for requests in flight, and {what} may "
                f"cost ${dollars:.4f}; expected at most ${self.limit:g} together. Replies received so far are on disk; "
                "the same command continues from there, with a fresh limit",
            )
        self._reserved += dollars
        return dollars

    def release(self, reserved: float) -> None:
        """Give back an amount that `set_aside` reserved."""
        self._reserved = max(0.0, self._reserved - reserved)

    def pay(self, num_prompt_tokens: int, num_tokens: int, price: Price | None) -> None:
        """Record a finished call."""
        self.num_calls += 1
        self.num_prompt_tokens += num_prompt_tokens
        self.num_tokens += num_tokens
        self.pay_dollars(price and price.of(num_prompt_tokens, num_tokens))

    def pay_dollars(self, dollars: float | None) -> None:
        """Record a sum of money; None where the price is unknown."""
        self._knows_prices |= dollars is not None
        self.dollars += dollars or 0.0
