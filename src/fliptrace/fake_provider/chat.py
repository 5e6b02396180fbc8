"""POST /v1/chat/completions. Replies depend only on model, messages, parameters, seed and the index of the choice.

Choice i is reply number seed + i of the underlying model: one request for three choices with seed 5 gives the same
texts as three requests with the seeds 5, 6 and 7. At temperature 0 every choice is the greedy reply.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json
from fliptrace.core.messages import Completion
from fliptrace.fake_provider.api_errors import ApiError, invalid
from fliptrace.fake_provider.body import body_as
from fliptrace.fake_provider.chat_request import ChatRequest
from fliptrace.fake_provider.faults import Dropped, rate_limited, server_error
from fliptrace.fake_provider.ledger import Billed
from fliptrace.fake_provider.probabilities import is_instant, reply_shares, score
from fliptrace.fake_provider.provider import FakeProvider, Provider
from fliptrace.fake_provider.schema import fit_to_schema
from fliptrace.models.base import Model
from fliptrace.models.base import Request as Prompt

router = APIRouter()
_WORD = re.compile(r"\s*\S+")
END_TOKEN = "<|end|>"


async def _counted(provider: Provider) -> AsyncIterator[None]:
    with provider.ledger.under_way():
        yield


@router.post("/chat/completions", dependencies=[Depends(_counted, scope="function")])
async def complete_chat(
    request: Request, asked: Annotated[ChatRequest, body_as(ChatRequest)], provider: Provider
) -> Response:
    """Answer a chat request, after the fault drawn for it and the configured latency."""
    due = asyncio.get_running_loop().time() + provider.faults.latency_seconds
    # On Azure's paths the name of the deployment takes the place of the model.
    asked = asked.model_copy(update={"model": request.path_params.get("deployment", asked.model)})
    chat = asked.honoured(provider.honours)
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
    replies = await _answer(model, chat, provider)
    await _wait_until(due)
    if fault == "truncated":
        replies = [_cut_in_half(reply) for reply in replies]
    delivered = fault != "dropped_after" and not await request.is_disconnected()
    provider.ledger.billed.append(_bill(asked, replies, delivered))
    return JSONResponse(_to_json(chat, replies, provider)) if delivered else Dropped()


async def _wait_until(due: float) -> None:
    """Sleep until a time of the event loop, if it is not past: the latency includes the provider's own work."""
    left = due - asyncio.get_running_loop().time()
    if left > 0:
        await asyncio.sleep(left)


async def _answer(model: Model, chat: ChatRequest, provider: FakeProvider) -> list[Completion]:
    if not model.writer.fits(chat.prompt, chat.token_limit or 1):
        message = "This model's context length is exceeded by the messages and the tokens asked for."
        raise ApiError(message, param="messages", code="context_length_exceeded")
    if is_instant(model.writer):
        return _complete(model, chat)
    return await asyncio.get_running_loop().run_in_executor(provider.model_thread, _complete, model, chat)


def _complete(model: Model, chat: ChatRequest) -> list[Completion]:
    prompt = Prompt(chat.key, chat.prompt, number=0 if chat.is_greedy else chat.seed)
    try:
        completions = model.writer.complete([prompt], chat.decoding)[0]
    except InputError as error:
        raise invalid("messages", str(error)) from error
    replies = [_shape(completion, chat) for completion in completions]
    if chat.logprobs:
        logprobs = _log_probabilities(model, prompt, chat, completions)
        replies = [replace(reply, log_probability=one) for reply, one in zip(replies, logprobs, strict=True)]
    return replies * chat.n if chat.is_greedy else replies


def _shape(completion: Completion, chat: ChatRequest) -> Completion:
    """Return a reply in the requested schema, cut at the limit of tokens."""
    if chat.reply_schema is not None:
        text = fit_to_schema(completion.text, chat.reply_schema)
        completion = replace(completion, text=text, num_tokens=len(text.split()))
    if chat.token_limit is None or completion.num_tokens <= chat.token_limit:
        return completion
    text = "".join(_WORD.findall(completion.text)[: chat.token_limit])
    return replace(completion, text=text, num_tokens=chat.token_limit, finish_reason="length")


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


def _cut_in_half(reply: Completion) -> Completion:
    text = reply.text[: len(reply.text) // 2]
    return replace(reply, text=text, num_tokens=len(text.split()), finish_reason="length")


def _bill(asked: ChatRequest, replies: Sequence[Completion], delivered: bool) -> Billed:
    return Billed(
        request_sha256=asked.sha256,
        prompt_sha256=asked.key,
        seed=asked.seed,
        num_choices=len(replies),
        num_prompt_tokens=replies[0].num_prompt_tokens,
        num_completion_tokens=sum(reply.num_tokens for reply in replies),
        delivered=delivered,
    )


def _to_json(chat: ChatRequest, replies: Sequence[Completion], provider: FakeProvider) -> Json:
    billed = provider.ledger.billed[-1]
    return {
        "id": f"chatcmpl-{len(provider.ledger.billed)}",
        "object": "chat.completion",
        "created": int(provider.clock()),
        "model": chat.model,
        "choices": [
            {
                "index": index,
                "message": {"role": "assistant", "content": reply.text, "refusal": None},
                "logprobs": _logprobs(reply, provider.honours.end_in_logprobs) if chat.logprobs else None,
                "finish_reason": reply.finish_reason,
            }
            for index, reply in enumerate(replies)
        ],
        "usage": {
            "prompt_tokens": billed.num_prompt_tokens,
            "completion_tokens": billed.num_completion_tokens,
            "total_tokens": billed.num_prompt_tokens + billed.num_completion_tokens,
        },
    }


def _logprobs(reply: Completion, with_end: bool) -> Json | None:
    """Return an entry per word with its white space; the first holds the log-probability of the whole reply.

    A reply that was cut has no entry for its end.
    """
    if reply.log_probability is None:
        return None
    words = _WORD.findall(reply.text)
    if (rest := reply.text[sum(map(len, words)) :]) and words:
        words[-1] += rest
    entries = [_entry(word, list(word.encode(errors="backslashreplace"))) for word in words]
    if with_end and reply.finish_reason == "stop":
        entries.append(_entry(END_TOKEN, []))
    if entries:
        entries[0]["logprob"] = reply.log_probability
    return {"content": entries, "refusal": None}


def _entry(token: str, token_bytes: list[int]) -> Json:
    return {"token": token, "logprob": 0.0, "bytes": token_bytes, "top_logprobs": []}
