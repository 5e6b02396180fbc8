"""Which calls have to be made for requests to be answered: what is on disk is not asked for, equal ones are asked once.

Calls on one dialogue stand in a row, shorter prompts first, so that a server's prefix cache helps. Makes no call.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from fliptrace.core.files import Json, hash_json
from fliptrace.models.base import Decoding, Request
from fliptrace.models.hosted.budget import Estimate, Price, count_about
from fliptrace.models.hosted.capabilities import Capabilities, spelling_of
from fliptrace.models.hosted.client import MAX_TOKENS
from fliptrace.models.hosted.json_schema import answer_format
from fliptrace.models.hosted.provider import Provider
from fliptrace.models.hosted.reply_cache import Place


class PlannedCall(NamedTuple):
    """One call, and the places of the replies that come of it, in the order of its choices."""

    request: Request
    places: tuple[Place, ...]
    parameters: dict[str, Any]

    def behind(self, num_replies: int) -> PlannedCall:
        """The call for the replies behind the first so many."""
        parameters, left = dict(self.parameters), self.places[num_replies:]
        parameters.pop("n", None)
        if "seed" in parameters:
            parameters["seed"] += num_replies
        return PlannedCall(self.request, left, parameters | ({"n": len(left)} if len(left) > 1 else {}))


class CallPlan(NamedTuple):
    """The calls to make, and for every request, in order, the places of its replies once they are made."""

    calls: list[PlannedCall]
    places: list[list[Place]]

    def estimate(self, max_new_tokens: int, price: Price | None) -> Estimate:
        num_prompt_tokens = sum(count_about(call.request.messages) for call in self.calls)
        asked = {place for call in self.calls for place in call.places}
        known = {place for row in self.places for place in row} - asked
        max_tokens = len(asked) * max_new_tokens
        dollars = price.of(num_prompt_tokens, max_tokens) if price else None
        return Estimate(len(self.calls), num_prompt_tokens, max_tokens, len(known), dollars)


@dataclass(frozen=True, slots=True)
class Planner:
    """Knows a provider and what it honours. `more` goes into every request, `structured` asks for schemas."""

    provider: Provider
    capabilities: Capabilities
    more: Mapping[str, Any]
    structured: bool

    def plan(
        self, requests: Sequence[Request], decoding: Decoding, known: Container[Place], *, with_logprobs: bool
    ) -> CallPlan:
        """The calls for what is not `known`; `with_logprobs` asks for log-probabilities."""
        calls: list[PlannedCall] = []
        asked: set[Place] = set()
        rows: dict[int, list[Place]] = {}
        for index in sorted(range(len(requests)), key=lambda i: [said.content for said in requests[i].messages]):
            request = requests[index]
            parameters = self._parameters(request, decoding, with_logprobs=with_logprobs)
            key = self._key(request, parameters, decoding)
            rows[index] = [Place(key, request.number + number) for number in range(decoding.num_replies)]
            missing = [place for place in rows[index] if place not in known and place not in asked]
            asked.update(missing)
            calls += self._split(request, missing, parameters, decoding)
        return CallPlan(calls, [rows[index] for index in range(len(requests))])

    def format_of(self, request: Request) -> Json | None:
        """The schema of its answer line, where it is to be held to one and the server does that."""
        if request.line is None or not self.structured or not self.capabilities.obeys_format:
            return None
        return answer_format(request.line)

    def _split(
        self, request: Request, places: Sequence[Place], parameters: Mapping[str, Any], decoding: Decoding
    ) -> Iterator[PlannedCall]:
        """One call for all replies where the server honours `n`, else one for each."""
        size = max(1, len(places)) if self.capabilities.returns_n else 1
        for start in range(0, len(places), size):
            part = tuple(places[start : start + size])
            own: dict[str, Any] = {} if decoding.kind == "greedy" else {"seed": decoding.seed + part[0].number}
            if len(part) > 1:
                own["n"] = len(part)
            yield PlannedCall(request, part, self.capabilities.taken(spelling_of(self.provider)({**parameters, **own})))

    def _parameters(self, request: Request, decoding: Decoding, *, with_logprobs: bool) -> dict[str, Any]:
        """What all replies to a request have in common."""
        parameters: dict[str, Any] = {MAX_TOKENS: decoding.max_new_tokens, "temperature": 0.0}
        if decoding.kind != "greedy":
            parameters |= {"temperature": decoding.temperature}
            parameters |= {"top_p": decoding.top_p} if decoding.top_p < 1 else {}
        if with_logprobs:
            parameters |= {"logprobs": True, "top_logprobs": 0}  # llama-cpp-python tells none without the second
        held = self.format_of(request)
        if held is not None:
            parameters["response_format"] = held
        return parameters | dict(self.more)

    def _key(self, request: Request, parameters: Mapping[str, Any], decoding: Decoding) -> str:
        messages = [message.to_json() for message in request.messages]
        seed = None if decoding.kind == "greedy" else decoding.seed
        return hash_json([self.provider.url, self.provider.model, messages, parameters, seed])
