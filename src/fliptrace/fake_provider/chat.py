"""POST /v1/chat/completions. Replies depend only on model, messages, parameters, seed and the index of the choice.

Choice i is reply number seed + i of the underlying model: one request for three choices with seed 5 gives the same
texts as three requests with the seeds 5, 6 and 7. At temperature 0 every choice is the greedy reply.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json
from fliptrace.core.messages import Completion
from fliptrace.fake_provider.api_errors import ApiError, invalid
from fliptrace.fake_provider.chat_request import ChatRequest, read_chat_request
from fliptrace.fake_provider.faults import Dropped, rate_limited, server_error
from fliptrace.fake_provider.gate import read_object
from fliptrace.fake_provider.ledger import Billed
from fliptrace.fake_provider.probabilities import is_instant, reply_shares, score
from fliptrace.fake_provider.provider import FakeProvider
from fliptrace.fake_provider.schema import fit_to_schema
from fliptrace.models.base import Model
from fliptrace.models.base import Request as Prompt

_WORD = re.compile(r"\s*\S+")
END_TOKEN = "<|end|>"


@dataclass(frozen=True, slots=True)
class Reply:
    """A choice as it is sent. `logprob` is the natural log-probability of the whole reply, None where not reported."""

    text: str
    num_tokens: int
    finish_reason: Literal["stop", "length"]
    logprob: float | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """The replies to one request."""

    replies: tuple[Reply, ...]
    num_prompt_tokens: int

    @property
    def num_completion_tokens(self) -> int:
        return sum(reply.num_tokens for reply in self.replies)


async def complete_chat(request: Request) -> Response:
    """Answer a chat request, after the fault drawn for it and the configured latency."""
    provider: FakeProvider = request.app.state.provider
    with provider.ledger.under_way():
        due = asyncio.get_running_loop().time() + provider.faults.latency_seconds
        chat = read_chat_request(await _read_body(request), provider.honours)
        model = provider.find_model(chat.model)
        provider.ledger.arrivals.append(chat.key)
        fault = provider.fault_draw.next()
        if fault is not None:
            provider.ledger.faults[fault] += 1
        if fault in ("429", "500", "dropped"):
            await _wait_until(due)
        if fault == "429":
            raise rate_limited(provider.faults.retry_after_seconds)
        if fault == "500":
            raise server_error()
        if fault == "dropped":
            return Dropped()
        answered = await _answer(model, chat, provider)
        await _wait_until(due)
        if fault == "truncated":
            answered = replace(answered, replies=tuple(map(_cut_in_half, answered.replies)))
        delivered = fault != "dropped_after" and not await request.is_disconnected()
        _bill(provider, chat, answered, delivered)
        return JSONResponse(_to_json(chat, answered, provider)) if delivered else Dropped()


async def _wait_until(due: float) -> None:
    """Sleep until a time of the event loop, if it is not past: the latency includes the provider's own work."""
    left = due - asyncio.get_running_loop().time()
    if left > 0:
        await asyncio.sleep(left)


async def _read_body(request: Request) -> Json:
    """Return the body. On Azure's paths the name of the deployment takes the place of the model."""
    body = await read_object(request)
    deployment = request.path_params.get("deployment")
    return body if deployment is None else {**body, "model": deployment}


async def _answer(model: Model, chat: ChatRequest, provider: FakeProvider) -> Answered:
    if not model.writer.fits(chat.messages, chat.max_tokens or 1):
        message = "This model's context length is exceeded by the messages and the tokens asked for."
        raise ApiError(message, param="messages", code="context_length_exceeded")
    if is_instant(model.writer):
        return _complete(model, chat)

    def complete_alone() -> Answered:
        with provider.model_lock:
            return _complete(model, chat)

    return await asyncio.to_thread(complete_alone)


def _complete(model: Model, chat: ChatRequest) -> Answered:
    prompt = Prompt(chat.key, chat.messages, number=0 if chat.is_greedy else chat.seed)
    try:
        completions = model.writer.complete([prompt], chat.decoding)[0]
    except InputError as error:
        raise invalid("messages", str(error)) from error
    replies = [_shape(completion, chat) for completion in completions]
    if chat.wants_logprobs:
        logprobs = _log_probabilities(model, prompt, chat, completions)
        replies = [replace(reply, logprob=logprob) for reply, logprob in zip(replies, logprobs, strict=True)]
    if chat.is_greedy:
        replies *= chat.num_choices
    return Answered(tuple(replies), completions[0].num_prompt_tokens)


def _shape(completion: Completion, chat: ChatRequest) -> Reply:
    """Return a reply in the requested schema, cut at the limit of tokens."""
    text, num_tokens = completion.text, completion.num_tokens
    if chat.schema is not None:
        text = fit_to_schema(text, chat.schema)
        num_tokens = len(text.split())
    if chat.max_tokens is not None and num_tokens > chat.max_tokens:
        return Reply("".join(_WORD.findall(text)[: chat.max_tokens]), chat.max_tokens, "length")
    return Reply(text, num_tokens, completion.finish_reason)


def _log_probabilities(
    model: Model, prompt: Prompt, chat: ChatRequest, completions: Sequence[Completion]
) -> list[float | None]:
    """Return the log-probabilities of the texts sent. Known replies that are sent as the same text are added up."""
    shares = reply_shares(model.writer, prompt)
    if shares is None:
        scores: Mapping[str, float] = score(model.scorer, prompt, [one.text for one in completions]) or {}
        return [scores.get(one.text) for one in completions]
    sent = dict[str, float]()
    for text, share in shares.items():
        shaped = _shape(Completion(text, 0, len(text.split())), chat).text
        sent[shaped] = sent.get(shaped, 0.0) + share
    return [math.log(sent[_shape(one, chat).text]) for one in completions]


def _cut_in_half(reply: Reply) -> Reply:
    text = reply.text[: len(reply.text) // 2]
    return replace(reply, text=text, num_tokens=len(text.split()), finish_reason="length")


def _bill(provider: FakeProvider, chat: ChatRequest, answered: Answered, delivered: bool) -> None:
    provider.ledger.billed.append(
        Billed(
            request_sha256=chat.sha256,
            prompt_sha256=chat.key,
            seed=chat.seed,
            num_choices=chat.num_choices,
            num_prompt_tokens=answered.num_prompt_tokens,
            num_completion_tokens=answered.num_completion_tokens,
            delivered=delivered,
        )
    )


def _to_json(chat: ChatRequest, answered: Answered, provider: FakeProvider) -> Json:
    num_prompt_tokens, num_completion_tokens = answered.num_prompt_tokens, answered.num_completion_tokens
    return {
        "id": f"chatcmpl-{len(provider.ledger.billed)}",
        "object": "chat.completion",
        "created": int(provider.clock()),
        "model": chat.model,
        "choices": [
            {
                "index": index,
                "message": {"role": "assistant", "content": reply.text, "refusal": None},
                "logprobs": _logprobs(reply, provider.honours.end_in_logprobs),
                "finish_reason": reply.finish_reason,
            }
            for index, reply in enumerate(answered.replies)
        ],
        "usage": {
            "prompt_tokens": num_prompt_tokens,
            "completion_tokens": num_completion_tokens,
            "total_tokens": num_prompt_tokens + num_completion_tokens,
        },
    }


def _logprobs(reply: Reply, with_end: bool) -> Json | None:
    """Return an entry per word with its white space; the first holds the log-probability of the whole reply.

    A reply that was cut has no entry for its end.
    """
    if reply.logprob is None:
        return None
    words = _WORD.findall(reply.text)
    if (rest := reply.text[sum(map(len, words)) :]) and words:
        words[-1] += rest
    entries = [_entry(word, list(word.encode(errors="backslashreplace"))) for word in words]
    if with_end and reply.finish_reason == "stop":
        entries.append(_entry(END_TOKEN, []))
    if entries:
        entries[0]["logprob"] = reply.logprob
    return {"content": entries, "refusal": None}


def _entry(token: str, token_bytes: list[int]) -> Json:
    return {"token": token, "logprob": 0.0, "bytes": token_bytes, "top_logprobs": []}
