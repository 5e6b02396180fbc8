"""A model behind an address: OpenAI, Azure, or any server with the same wire format (vLLM, llama.cpp, Ollama, ...).

Not here: addresses and keys (provider.py), what a server supports (capabilities.py), which calls are needed (plan.py),
making them (dispatch.py, client.py), replies on disk (reply_cache.py), cost (budget.py).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from fliptrace.core.errors import InputError, RunError
from fliptrace.core.files import hash_json
from fliptrace.core.messages import Completion, Message
from fliptrace.models.base import Decoding, Model, Request
from fliptrace.models.hosted.budget import (
    TOKEN_SAFETY_FACTOR,
    Budget,
    Estimate,
    NobodyWatches,
    Price,
    Watcher,
    count_about,
)
from fliptrace.models.hosted.capabilities import Capabilities, find_capabilities, spelling_of
from fliptrace.models.hosted.client import Caller, CallSettings
from fliptrace.models.hosted.dispatch import CallRun
from fliptrace.models.hosted.errors import NoSuchModel
from fliptrace.models.hosted.plan import Planner
from fliptrace.models.hosted.prompt_lengths import PromptLengths
from fliptrace.models.hosted.provider import Provider
from fliptrace.models.hosted.reply_cache import AnswerStore
from fliptrace.models.hosted.response import ChatReply

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HostedSettings:
    """How requests to a hosted model are made.

    `answers` is the file of replies; None keeps them in memory only. `max_cost` is in dollars. `context_tokens` counts
    prompt and reply together, for servers that do not report it. `more` is added to every request as it is.
    `structured` holds answer lines to a JSON schema where the server supports that; a model that was trained on answer
    lines is better off without it. `allowed_hosts` are hosts that the user allows a checkpoint's `hosted.json` to name.
    """

    calls: CallSettings = field(default_factory=CallSettings)
    answers: Path | None = None
    price: Price | None = None
    max_cost: float | None = None
    context_tokens: int | None = None
    more: Mapping[str, Any] = field(default_factory=dict)
    structured: bool = True
    allowed_hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.max_cost is not None and not self.max_cost >= 0:
            raise InputError("--max-cost", f"{self.max_cost}; expected dollars, 0 or more")


class HostedModel:
    """A ChatModel and LogprobSampler behind an address."""

    def __init__(
        self,
        provider: Provider,
        settings: HostedSettings,
        watcher: Watcher | None = None,
        budget: Budget | None = None,
    ) -> None:
        """`budget` may be shared with other models of the same command."""
        self.provider = provider
        self.settings = settings
        self.watcher = watcher or NobodyWatches()
        self.store = AnswerStore(settings.answers)
        self.budget = budget or Budget(settings.max_cost)
        if self.budget.limit is not None and settings.price is None and not provider.is_free:
            raise InputError(provider.ref, "no price is known to enforce --max-cost with; expected one from --price")
        self._capabilities: Capabilities | None = None
        self._prompt_lengths = PromptLengths()

    @property
    def name(self) -> str:
        return self.provider.ref

    @property
    def capabilities(self) -> Capabilities:
        """What the server supports: probed once, and stored with the replies. A limit of $0 assumes full support."""
        if self._capabilities is None:
            known = self.store.capabilities(self._capabilities_key)
            self._capabilities = None if known is None else Capabilities.from_json(known)
        if self._capabilities is None and self.budget.limit == 0:
            self._capabilities = Capabilities(log_probabilities="whole")
        if self._capabilities is None:
            self._capabilities = self._run(self._find_capabilities)
            self._tell(self._capabilities)
        return self._capabilities

    def _tell(self, capabilities: Capabilities) -> None:
        for remark in capabilities.remarks():
            self.watcher.found(f"{self.name} {remark}")
        if self.provider.kind == "server" and not (capabilities.context_tokens or self.settings.context_tokens):
            self.watcher.found(f"{self.name} does not report its context length: if it is short, give --context")

    @property
    def _capabilities_key(self) -> str:
        return hash_json([self.provider.url, self.provider.model, dict(self.settings.more)])

    @property
    def context_length(self) -> int:
        """Tokens of prompt and reply together; where unknown, more than any dialogue takes."""
        return self.settings.context_tokens or self.capabilities.context_tokens or 2**31

    def num_tokens(self, messages: Sequence[Message]) -> int:
        """Estimate the tokens of a prompt, rather too high than too low."""
        return int(count_about(messages) * TOKEN_SAFETY_FACTOR)

    def as_model(self) -> Model:
        return Model(self.name, chat=self, sampler=self, keeps_replies=True)

    def fits(self, messages: Sequence[Message], max_new_tokens: int) -> bool:
        return self.num_tokens(messages) + max_new_tokens <= self.context_length

    def complete(self, requests: Sequence[Request], decoding: Decoding) -> list[tuple[Completion, ...]]:
        """See ChatModel. The provider decides which reply is number n; once on disk, it stays the same.

        InputError where the server does not support the decoding, RunError where the cost might exceed the budget.
        """
        if decoding.num_replies > 1:
            self._check_samples()
        return self._complete(requests, decoding, with_logprobs=False)

    def sample_with_logprobs(self, requests: Sequence[Request], decoding: Decoding) -> list[tuple[Completion, ...]]:
        """See LogprobSampler. InputError where the server gives no log-probabilities that include a reply's end."""
        if decoding.num_samples > 1:
            self._check_samples()
        told = self.capabilities.log_probabilities
        # With a JSON schema the closing bracket marks the end, too.
        closes = all(self._planner.format_of(request) is not None for request in requests)
        if told == "none" or (told == "without the end" and not closes):
            lacks = "no log-probabilities" if told == "none" else "log-probabilities that leave out a reply's end"
            raise InputError(self.name, f"gives {lacks}; expected --decode sample or greedy")
        drawn = replace(decoding, kind="sample", temperature=1.0, top_p=1.0)
        return self._complete(requests, drawn, with_logprobs=True)

    def _check_samples(self) -> None:
        if self.capabilities.samples == "never":
            raise InputError(self.name, "gives the same reply at any temperature; expected --decode greedy")

    def _complete(
        self, requests: Sequence[Request], decoding: Decoding, *, with_logprobs: bool
    ) -> list[tuple[Completion, ...]]:
        plan = self._planner.plan(requests, decoding, self.store, with_logprobs=with_logprobs)
        estimate = plan.estimate(decoding.max_new_tokens, self.settings.price)
        self.watcher.begins(estimate)
        if plan.calls:
            self._check_money(estimate)
            self._run(lambda caller: CallRun(caller, self.store, self.watcher, self._prompt_lengths).make(plan.calls))
        return [tuple(self.store[place] for place in row) for row in plan.places]

    @property
    def _planner(self) -> Planner:
        return Planner(self.provider, self.capabilities, self.settings.more, self.settings.structured)

    def _check_money(self, estimate: Estimate) -> None:
        """RunError where nothing may be spent, or the prompts alone would exceed the limit. Nothing was sent then."""
        price, limit = self.settings.price, self.budget.limit
        if limit == 0:
            cost = "" if estimate.dollars is None else f", about ${estimate.dollars:.4f} at most"
            raise RunError(
                "--max-cost",
                f"0, so nothing was sent. The first round would take {estimate.num_calls:,} requests{cost}; how many "
                "follow may depend on their replies",
            )
        if price is None or limit is None:
            return
        prompts = price.of(estimate.num_prompt_tokens, 0)
        if self.budget.dollars + prompts > limit:
            raise RunError("--max-cost", f"the next prompts alone cost about ${prompts:.4f} and exceed ${limit:g}")

    def _run(self, work: Callable[[Caller], Awaitable[T]]) -> T:
        """Run `work` in a separate event loop: the caller may already be running one, as a notebook does."""
        from anyio.from_thread import start_blocking_portal

        async def connected() -> T:
            async with self.provider.connect(self.settings.calls.timeout_seconds) as client:
                return await work(Caller(self.provider, client, self.settings.calls, self.budget, self.settings.price))

        with start_blocking_portal() as portal:
            return portal.call(connected)

    async def _find_capabilities(self, caller: Caller) -> Capabilities:
        # Few attempts, so that a missing server is reported in a second or two, not after minutes of retries.
        caller = replace(caller, settings=replace(caller.settings, max_attempts=min(3, caller.settings.max_attempts)))

        async def call(messages: Sequence[Message], parameters: Mapping[str, Any]) -> ChatReply:
            return await caller.call(messages, dict(self.settings.more) | dict(parameters))

        listed = await caller.list_models()
        try:
            capabilities = await find_capabilities(call, listed.get(self.provider.model), spelling_of(self.provider))
        except NoSuchModel as error:
            names = ", ".join(sorted(listed)[:20])
            said = str(error).removeprefix(f"{self.name}: ")
            raise InputError(self.name, f"{said}{f' Available models: {names}' if names else ''}") from None
        self.store.put_capabilities(self._capabilities_key, capabilities.to_json())
        return capabilities
