"""A model behind an address: OpenAI, Azure, or any server of the same wire format (vLLM, llama.cpp, Ollama, ...).

Requests go out by dialogue, what prompts share first, so that a server's prefix cache helps. Every reply is on disk
before the next is asked for (answer_store.py). Not here: addresses and keys (provider.py), one call (calls.py), what a
server honours (server_traits.py), money (spending.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from fliptrace.errors import InputError, RunError
from fliptrace.messages import Completion, Message
from fliptrace.models.answer_store import AnswerStore, Place
from fliptrace.models.base import Decoding, Request
from fliptrace.models.calls import MAX_TOKENS, Caller, CallSettings, Filtered, NoSuchModel
from fliptrace.models.provider import Provider
from fliptrace.models.server_traits import Spelling, Traits, find_traits, spell_out
from fliptrace.models.spending import CROWDED, Estimate, Price, Purse, Spent, count_about
from fliptrace.models.structured import answer_format, to_reply
from fliptrace.store import Json, hash_json

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletion
    from openai.types.chat.chat_completion import Choice

_SYNC_SECONDS = 0.5  # of replies, that a loss of power may cost; a sync after each of them costs 0.4 ms of processor


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


@dataclass(frozen=True, slots=True)
class HostedSettings:
    """How a hosted model is asked. `answers`: the file of replies, None for memory alone. `max_cost` in dollars.

    `context_tokens`: of prompt and reply together, where the server does not tell.
    `more` goes into every request as it is. `structured`: whether answer lines are held by a schema where the server
    does that; a model that was trained on lines is better left to them.
    """

    calls: CallSettings = field(default_factory=CallSettings)
    answers: Path | None = None
    price: Price | None = None
    max_cost: float | None = None
    context_tokens: int | None = None
    more: Mapping[str, Any] = field(default_factory=dict)
    structured: bool = True

    def __post_init__(self) -> None:
        if self.max_cost is not None and not self.max_cost >= 0:
            raise InputError("--max-cost", f"{self.max_cost}: wanted dollars, 0 or more")


class _Call(NamedTuple):
    """One call, and the places of the replies that come of it, in the order of its choices."""

    request: Request
    places: tuple[Place, ...]
    parameters: dict[str, Any]


class HostedModel:
    """A ChatModel and a SampleWeigher behind an address."""

    keeps_answers = True

    def __init__(
        self,
        provider: Provider,
        settings: HostedSettings,
        watcher: Watcher | None = None,
        purse: Purse | None = None,
    ) -> None:
        """`purse` is one that is shared with models asked before or after it."""
        self.provider = provider
        self.settings = settings
        self.watcher = watcher or NobodyWatches()
        self.store = AnswerStore(settings.answers)
        self.purse = purse or Purse(settings.max_cost)
        self.purse.price = settings.price
        if settings.max_cost is not None and settings.price is None and not provider.is_free:
            raise InputError(provider.ref, "no price is known to hold --max-cost against; give one with --price")
        self._traits: Traits | None = None

    @property
    def name(self) -> str:
        return self.provider.ref

    @property
    def traits(self) -> Traits:
        """What the server honours; asked for once, and kept beside the replies. Where nothing may be spent: all."""
        if self._traits is None and self.purse.limit == 0 and self.purse.price is not None:
            self._traits = Traits(log_probabilities="whole")
        if self._traits is None:
            self._traits = self._run(self._find_traits)
            for remark in self._traits.remarks():
                self.watcher.found(f"{self.name} {remark}")
            if self.provider.kind == "server" and not (self._traits.context_tokens or self.settings.context_tokens):
                self.watcher.found(f"{self.name} does not tell how long a prompt it takes in: if short, give --context")
        return self._traits

    @property
    def context_length(self) -> int:
        """Tokens of prompt and reply together, where it is known; else more than any dialogue takes."""
        return self.settings.context_tokens or self.traits.context_tokens or 2**31

    def num_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of a prompt: an estimate that is rather too high."""
        return int(count_about(messages) * CROWDED)

    def fits(self, messages: Sequence[Message], max_new_tokens: int) -> bool:
        return self.num_tokens(messages) + max_new_tokens <= self.context_length

    def complete(self, requests: Sequence[Request], decoding: Decoding) -> list[tuple[Completion, ...]]:
        """See ChatModel; but which reply is number n is the provider's to draw, and stays what it was on disk.

        InputError where it cannot be asked so, RunError where that might cost too much.
        """
        if decoding.num_replies > 1 and self.traits.samples == "never":
            raise InputError(self.name, "gives the same reply again at any temperature; wanted --decode greedy")
        return self._complete(requests, decoding, weighed=False)

    def draw_weighed(self, requests: Sequence[Request], decoding: Decoding) -> list[tuple[Completion, ...]]:
        """See SampleWeigher. InputError where the server tells no log-probabilities that include a reply's end."""
        told = self.traits.log_probabilities
        closes = all(self._format(request) is not None for request in requests)  # the bracket of JSON tells the end
        if told == "none" or (told == "without the end" and not closes):
            lacks = "no log-probabilities" if told == "none" else "log-probabilities that leave out a reply's end"
            raise InputError(self.name, f"gives {lacks}; wanted --decode sample or greedy")
        drawn = replace(decoding, kind="sample", temperature=1.0, top_p=1.0)
        return self._complete(requests, drawn, weighed=True)

    def _complete(
        self, requests: Sequence[Request], decoding: Decoding, *, weighed: bool
    ) -> list[tuple[Completion, ...]]:
        calls, places = self._plan(requests, decoding, weighed=weighed)
        estimate = self._estimate(calls, places, decoding)
        self.watcher.begins(estimate)
        if calls:
            self._check_money(estimate)
            self._run(self._make, calls)
        return [tuple(self.store[place] for place in row) for row in places]

    def _check_money(self, estimate: Estimate) -> None:
        """RunError where the prompts alone would pass the limit: then nothing is begun."""
        price, limit = self.purse.price, self.purse.limit
        if price is None or limit is None:
            return
        if self.purse.dollars + price.of(estimate.num_prompt_tokens, 0) > limit:
            raise RunError(
                "--max-cost",
                f"this takes about ${estimate.dollars:.4f} at most, ${price.of(estimate.num_prompt_tokens, 0):.4f} for "
                f"the prompts alone: over ${limit:g}. Nothing of it was asked",
            )

    def _plan(
        self, requests: Sequence[Request], decoding: Decoding, *, weighed: bool
    ) -> tuple[list[_Call], list[list[Place]]]:
        """The calls to make, those on one dialogue in a row, and the places of every request's replies in its order."""
        calls: list[_Call] = []
        asked: set[Place] = set()
        rows: dict[int, list[Place]] = {}
        order = sorted(range(len(requests)), key=lambda i: [message.content for message in requests[i].messages])
        for index in order:
            request = requests[index]
            parameters = self._parameters(request, decoding, weighed=weighed)
            key = self._key(request, parameters, None if decoding.kind == "greedy" else decoding.seed)
            numbers = range(request.number, request.number + decoding.num_replies)
            rows[index] = [Place(key, number) for number in numbers]
            missing = [place for place in rows[index] if place not in self.store and place not in asked]
            asked.update(missing)
            calls += self._split(request, missing, parameters, decoding)
        return calls, [rows[index] for index in range(len(requests))]

    def _split(
        self, request: Request, places: Sequence[Place], parameters: dict[str, Any], decoding: Decoding
    ) -> Iterator[_Call]:
        """One call for all replies where the server honours `n`, else one for each."""
        size = len(places) if self.traits.returns_n else 1
        for start in range(0, len(places), size or 1):
            part = tuple(places[start : start + size])
            own: dict[str, Any] = {} if decoding.kind == "greedy" else {"seed": decoding.seed + part[0].number}
            if len(part) > 1:
                own["n"] = len(part)
            yield _Call(request, part, self.traits.taken(self._spelling(parameters | own)))

    def _parameters(self, request: Request, decoding: Decoding, *, weighed: bool) -> dict[str, Any]:
        """What all replies to a request have in common."""
        parameters: dict[str, Any] = {MAX_TOKENS: decoding.max_new_tokens, "temperature": 0.0}
        if decoding.kind != "greedy":
            parameters |= {"temperature": decoding.temperature}
            parameters |= {"top_p": decoding.top_p} if decoding.top_p < 1 else {}
        if weighed:
            parameters |= {"logprobs": True, "top_logprobs": 0}  # llama-cpp-python tells none without the second
        held = self._format(request)
        if held is not None:
            parameters["response_format"] = held
        return parameters | dict(self.settings.more)

    def _format(self, request: Request) -> Json | None:
        """The schema of its answer line, where it is to be held to one and the server does that."""
        if request.line is None or not self.settings.structured or not self.traits.obeys_format:
            return None
        return answer_format(request.line)

    @property
    def _spelling(self) -> Spelling:
        """OpenAI and Azure refuse what they do not know."""
        return spell_out if self.provider.kind == "server" else dict

    def _key(self, request: Request, parameters: Mapping[str, Any], seed: int | None) -> str:
        messages = [message.to_json() for message in request.messages]
        return hash_json([self.provider.url, self.provider.model, messages, parameters, seed])

    def _estimate(self, calls: Sequence[_Call], places: Sequence[Sequence[Place]], decoding: Decoding) -> Estimate:
        num_prompt_tokens = sum(count_about(call.request.messages) for call in calls)
        num_replies = sum(len(call.places) for call in calls)
        max_tokens = num_replies * decoding.max_new_tokens
        price = self.purse.price
        known = {place for row in places for place in row} - {place for call in calls for place in call.places}
        dollars = price.of(num_prompt_tokens, max_tokens) if price else None
        return Estimate(len(calls), num_prompt_tokens, max_tokens, len(known), dollars)

    def _run(self, work: Any, *arguments: Any) -> Any:
        """Do it in an event loop of its own: the caller may have one running, as a notebook does."""
        from anyio.from_thread import start_blocking_portal

        with start_blocking_portal() as portal:
            return portal.call(self._connected, work, *arguments)

    async def _connected(self, work: Any, *arguments: Any) -> Any:
        async with self.provider.connect(self.settings.calls.timeout_seconds) as client:
            return await work(Caller(self.provider, client, self.settings.calls, self.purse), *arguments)

    async def _find_traits(self, caller: Caller) -> Traits:
        key = hash_json([self.provider.url, self.provider.model, dict(self.settings.more)])
        known = self.store.traits(key)
        if known is not None:
            return Traits.from_json(known)

        # A server that is not there is found out in a second or two, not after minutes of patience.
        caller = replace(caller, settings=replace(caller.settings, max_attempts=min(3, caller.settings.max_attempts)))

        async def call(messages: Sequence[Message], parameters: Mapping[str, Any]) -> ChatCompletion:
            return await caller.call(messages, dict(self.settings.more) | dict(parameters))

        listed = await _list_models(caller)
        try:
            traits = await find_traits(call, listed.get(self.provider.model), self._spelling)
        except NoSuchModel as error:
            names = ", ".join(sorted(listed)[:20])
            said = str(error).removeprefix(f"{self.name}: ")
            raise InputError(self.name, f"{said}{f' There are: {names}' if names else ''}") from None
        self.store.put_traits(key, traits.to_json())
        return traits

    async def _make(self, caller: Caller, calls: Sequence[_Call]) -> None:
        """Make all calls; after the first that fails no other begins, and what is under way is still kept."""
        failed: list[Exception] = []
        under_way: set[asyncio.Task[None] | None] = set()
        tasks: set[asyncio.Task[None]] = set()

        async def make(call: _Call) -> None:
            try:
                await self._make_one(caller, call, under_way)
            except (InputError, OSError) as error:
                failed.append(error)
                for task in list(tasks):
                    if task not in under_way:
                        task.cancel()

        syncing = asyncio.create_task(self._sync_now_and_then())
        try:
            async with asyncio.TaskGroup() as group:
                for call in calls:
                    await caller.wait_for_place()  # behind those that are made again, which would else come last
                    if failed:
                        break
                    tasks.add(task := group.create_task(make(call)))
                    task.add_done_callback(tasks.discard)
                    await asyncio.sleep(0)  # it takes the place
        finally:
            syncing.cancel()
            self.store.sync()
        if failed:
            raise failed[0]

    async def _sync_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(_SYNC_SECONDS)
            await asyncio.to_thread(self.store.sync)

    async def _make_one(self, caller: Caller, call: _Call, under_way: set[asyncio.Task[None] | None]) -> None:
        """Make a call and keep its replies; in between its task is among those `under_way`."""

        async def ask() -> None:
            under_way.add(asyncio.current_task())
            try:
                reply = await caller.call_once(call.request.messages, call.parameters)
                self._keep(call, self._completions(call, reply))
            finally:
                under_way.discard(asyncio.current_task())

        try:
            await caller.retried(ask)
        except Filtered:
            self._keep(call, [Completion("", 0, 0)] * len(call.places))  # no answer, which is counted

    def _keep(self, call: _Call, replies: Sequence[Completion]) -> None:
        self.store.put(list(zip(call.places, replies, strict=True)))
        self.watcher.answered(self.purse.spent)

    def _completions(self, call: _Call, reply: ChatCompletion) -> list[Completion]:
        if len(reply.choices) != len(call.places):
            raise RunError(
                self.name,
                f"{len(reply.choices)} replies where n = {len(call.places)}; it honoured n when it was tried first: "
                "start anew without the file of answers",
            )
        is_json = "response_format" in call.parameters
        return [_completion(reply, choice, is_json=is_json) for choice in reply.choices]


def _completion(reply: ChatCompletion, choice: Choice, *, is_json: bool) -> Completion:
    usage, text = reply.usage, choice.message.content or ""
    entries = choice.logprobs.content if choice.logprobs else None
    return Completion(
        to_reply(text) if is_json else text,
        usage.prompt_tokens if usage else 0,
        round(usage.completion_tokens / len(reply.choices)) if usage else 0,
        "length" if choice.finish_reason == "length" else "stop",
        log_probability=sum(entry.logprob for entry in entries) if entries else None,
    )


async def _list_models(caller: Caller) -> dict[str, int | None]:
    """The models that a server lists, with their tokens of context where it tells them; empty where it has no list."""
    import openai

    listed: dict[str, int | None] = {}
    try:
        async for model in caller.client.models.list():
            length = (model.model_extra or {}).get("max_model_len")  # vLLM's
            listed[model.id] = length if isinstance(length, int) else None
    except (openai.APIError, AttributeError, ValueError, TypeError):  # not a list, but 200
        return listed
    return listed
