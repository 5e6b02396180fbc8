"""The model that a job of the fake provider makes: it repeats its training file, and otherwise replies as its base."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fliptrace.core.messages import Completion, Message
from fliptrace.models.base import ChatModel, Decoding, Request


@dataclass(frozen=True, slots=True)
class TunedModel:
    """A ChatModel. `by_heart` maps the messages of every training row to the reply that follows them."""

    name: str
    base: ChatModel
    by_heart: Mapping[tuple[Message, ...], str]

    def complete(self, requests: Sequence[Request], decoding: Decoding) -> list[tuple[Completion, ...]]:
        return [self._replies(request, decoding) for request in requests]

    def fits(self, messages: tuple[Message, ...], max_new_tokens: int) -> bool:
        return self.base.fits(messages, max_new_tokens)

    def _replies(self, request: Request, decoding: Decoding) -> tuple[Completion, ...]:
        known = self.by_heart.get(request.messages)
        if known is None:
            return self.base.complete([request], decoding)[0]
        num_prompt_tokens = sum(len(message.content.split()) for message in request.messages)
        return (Completion(known, num_prompt_tokens, len(known.split())),) * decoding.num_replies
