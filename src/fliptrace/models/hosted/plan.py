"""Planning of calls: replies on disk are not requested again, and equal requests are sent once. Nothing is sent here.

Calls about one dialogue follow each other, shorter prompts first, so that a server's prefix cache helps.
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
    """One call, and the places of its replies in the order of its choices."""

    request: Request
    places: tuple[Place, ...]
    parameters: dict[str, Any]

    def behind(self, num_replies: int) -> PlannedCall:
        """Return the call for the replies after the first `num_replies`."""
        parameters, left = dict(self.parameters), self.places[num_replies:]
        parameters.pop("n", None)
        if "seed" in parameters:
            parameters["seed"] += num_replies
        return PlannedCall(self.request, left, parameters | ({"n": len(left)} if len(left) > 1 else {}))


class CallPlan(NamedTuple):
    """The calls to make, and the places of the replies to every request, in the order of the requests."""

    calls: list[PlannedCall]
    places: list[list[Place]]

    def estimate(self, max_new_tokens: int, price: Price | None) -> Estimate:
        """Estimate the size and the cost of the calls."""
        num_prompt_tokens = sum(count_about(call.request.messages) for call in self.calls)
        asked = {place for call in self.calls for place in call.places}
        known = {place for row in self.places for place in row} - asked
        max_tokens = len(asked) * max_new_tokens
        dollars = price.of(num_prompt_tokens, max_tokens) if price else None
        return Estimate(len(self.calls), num_prompt_tokens, max_tokens, len(known), dollars)


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans calls to one provider. `more` is added to every request; `structured` asks for JSON schemas."""

    provider: Provider
    capabilities: Capabilities
    more: Mapping[str, Any]
    structured: bool

    def plan(
        self, requests: Sequence[Request], decoding: Decoding, known: Container[Place], *, with_logprobs: bool
    ) -> CallPlan:
        """Plan the calls for replies that are not in `known`; `with_logprobs` asks for log-probabilities."""
        calls: list[PlannedCall] = []
        asked: set[Place] = set()
        rows: dict[int, list[Place]] = {}
        for index in sorted(range(len(requests)), key=lambda i: [message.content for message in requests[i].messages]):
            request = requests[index]
            parameters = self._parameters(request, decoding, with_logprobs=with_logprobs)
            key = self._key(request, parameters, decoding)
            rows[index] = [Place(key, request.number + number) for number in range(decoding.num_replies)]
            missing = [place for place in rows[index] if place not in known and place not in asked]
            asked.update(missing)
            calls += self._split(request, missing, parameters, decoding)
        return CallPlan(calls, [rows[index] for index in range(len(requests))])

    def format_of(self, request: Request) -> Json | None:
        """Return the schema of a request's answer line; None where it has none or the server is not to enforce it."""
        if request.line is None or not self.structured or not self.capabilities.obeys_format:
            return None
        return answer_format(request.line)

    def _split(
        self, request: Request, places: Sequence[Place], parameters: Mapping[str, Any], decoding: Decoding
    ) -> Iterator[PlannedCall]:
        """Yield one call for all replies where the server supports `n`, else one for each."""
        size = max(1, len(places)) if self.capabilities.returns_n else 1
        for start in range(0, len(places), size):
            part = tuple(places[start : start + size])
            own: dict[str, Any] = {} if decoding.kind == "greedy" else {"seed": decoding.seed + part[0].number}
            if len(part) > 1:
                own["n"] = len(part)
            yield PlannedCall(request, part, self.capabilities.taken(spelling_of(self.provider)({**parameters, **own})))

    def _parameters(self, request: Request, decoding: Decoding, *, with_logprobs: bool) -> dict[str, Any]:
        """Return the parameters that all replies to a request share."""
        parameters: dict[str, Any] = {MAX_TOKENS: decoding.max_new_tokens, "temperature": 0.0}
        if decoding.kind != "greedy":
            parameters |= {"temperature": decoding.temperature}
            parameters |= {"top_p": decoding.top_p} if decoding.top_p < 1 else {}
        if with_logprobs:
            parameters |= {"logprobs": True, "top_logprobs": 0}  # llama-cpp-python gives none without `top_logprobs`
        schema = self.format_of(request)
        if schema is not None:
            parameters["response_format"] = schema
        return parameters | dict(self.more)

    def _key(self, request: Request, parameters: Mapping[str, Any], decoding: Decoding) -> str:
        messages = [message.to_json() for message in request.messages]
        seed = None if decoding.kind == "greedy" else decoding.seed
        return hash_json([self.provider.url, self.provider.model, messages, parameters, seed])
