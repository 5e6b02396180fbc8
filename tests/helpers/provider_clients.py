"""A fake provider on loopback and the official client for it, for the length of a `with` block."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import openai
from openai.types.chat import ChatCompletion
from run_inference import as_model

from fliptrace.fake_provider.answers import PlausibleModel
from fliptrace.fake_provider.provider import FakeProvider
from fliptrace.fake_provider.serve import running
from fliptrace.models.base import ChatModel
from fliptrace.models.scripted import ScriptedModel

KEY = "sk-rehearsal-0001"
SCRIPT = ScriptedModel(default=("Triggers: 2", "Triggers: 2", "It is close.\nTriggers: 2 9", "Triggers: none"))


def make_provider(model: ChatModel | None = None, **settings: Any) -> FakeProvider:
    return FakeProvider({"fake-1": as_model(model or PlausibleModel())}, **settings)


@contextmanager
def client_of(provider: FakeProvider, api_key: str = KEY) -> Iterator[openai.OpenAI]:
    """Open a client that never retries."""
    with running(provider) as url, openai.OpenAI(base_url=url, api_key=api_key, max_retries=0) as client:
        yield client


def ask(client: openai.OpenAI, text: str = "Hello", **fields: Any) -> ChatCompletion:
    return client.chat.completions.create(
        **{"model": "fake-1", "messages": [{"role": "user", "content": text}]} | fields
    )


def texts(answer: ChatCompletion) -> list[str]:
    return [choice.message.content or "" for choice in answer.choices]


def row(number: int, **last: Any) -> dict[str, Any]:
    """Make a row of a training file; `last` is added to its last message."""
    reply = {"role": "assistant", "content": f"Triggers: {number}"} | last
    return {"messages": [{"role": "user", "content": f"Question {number}"}, reply]}


ROWS = tuple(row(number) for number in range(12))


def upload(client: openai.OpenAI, rows: Sequence[Mapping[str, Any]] | bytes = ROWS) -> str:
    """Upload a training file and return its id."""
    content = rows if isinstance(rows, bytes) else "".join(json.dumps(one) + "\n" for one in rows).encode()
    return client.files.create(file=("rows.jsonl", content), purpose="fine-tune").id
