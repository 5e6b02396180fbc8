"""A validated chat request: what the client asked for, without what this provider does not honour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fliptrace.core.files import Json, hash_json
from fliptrace.core.messages import Message
from fliptrace.curate.training_file import ROLES
from fliptrace.fake_provider.api_errors import ApiError, invalid, unsupported
from fliptrace.fake_provider.schema import read_schema
from fliptrace.fake_provider.settings import Honours
from fliptrace.models.base import Decoding

_NO_PARAMETERS = ("model", "messages", "seed", "n", "user", "metadata", "stream")
# For a request without a limit; enough for every reply to our prompts.
_DEFAULT_MAX_TOKENS = 256


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A validated chat request.

    `key` is the hash of the messages; `sha256` is the hash of model, messages and parameters without seed and n.
    Choice i is reply number `seed` + i to the messages. `max_tokens` is None where the request sets no limit.
    """

    model: str
    messages: tuple[Message, ...]
    key: str
    sha256: str
    num_choices: int
    seed: int
    temperature: float
    top_p: float
    max_tokens: int | None
    wants_logprobs: bool
    schema: Json | None

    @property
    def is_greedy(self) -> bool:
        return self.temperature == 0

    @property
    def max_new_tokens(self) -> int:
        return self.max_tokens or _DEFAULT_MAX_TOKENS

    @property
    def decoding(self) -> Decoding:
        if self.is_greedy:
            return Decoding(max_new_tokens=self.max_new_tokens)
        return Decoding("sample", self.num_choices, self.temperature, self.top_p, self.max_new_tokens)


def read_chat_request(body: Json, honours: Honours) -> ChatRequest:
    """Validate a request body. ApiError where a field is invalid or refused; unknown fields are ignored."""
    for field in sorted(honours.refuses):
        if body.get(field) is not None:
            raise unsupported(field)
    if body.get("stream"):
        raise unsupported("stream")
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise ApiError("you must provide a model parameter", param="model")
    messages = read_messages(body.get("messages"))
    key = hash_json([message.to_json() for message in messages])
    num_choices = int(_number(body, "n", 1, 1, 128, whole=True))
    temperature = _number(body, "temperature", 1.0, 0.0, 2.0)
    top_p = _number(body, "top_p", 1.0, 1e-9, 1.0)
    wants_logprobs = body.get("logprobs") is True
    if body.get("top_logprobs") is not None and not wants_logprobs:
        raise invalid("top_logprobs", "it needs 'logprobs' to be true")
    return ChatRequest(
        model=model,
        messages=messages,
        key=key,
        sha256=hash_json([model, key, {name: body[name] for name in body if name not in _NO_PARAMETERS}]),
        num_choices=num_choices if honours.n else 1,
        seed=int(_number(body, "seed", 0, -(2**63), 2**63, whole=True)),
        temperature=temperature if honours.sampling else 0.0,
        top_p=top_p,
        max_tokens=_max_tokens(body, honours),
        wants_logprobs=wants_logprobs and honours.logprobs,
        schema=read_schema(body.get("response_format")) if honours.response_format else None,
    )


def read_messages(found: Any) -> tuple[Message, ...]:
    """Return the messages of a request. Text content given in parts is joined."""
    if not isinstance(found, list) or not found:
        raise invalid("messages", "expected a list of at least one message")
    return tuple(_read_message(message, f"messages[{position}]") for position, message in enumerate(found))


def _read_message(found: Any, place: str) -> Message:
    if not isinstance(found, dict) or not isinstance(found.get("role"), str) or found["role"] not in ROLES:
        raise invalid(place, f"expected an object with one of the roles {', '.join(ROLES)}")
    content = found.get("content")
    if isinstance(content, list) and all(isinstance(part, dict) and part.get("type") == "text" for part in content):
        content = "".join(str(part.get("text", "")) for part in content)
    if not isinstance(content, str):
        raise invalid(f"{place}.content", f"found {type(content).__name__}, expected text")
    return Message(ROLES[found["role"]], content)


def _max_tokens(body: Json, honours: Honours) -> int | None:
    if body.get("max_completion_tokens") is not None and not honours.max_completion_tokens:
        raise unsupported("max_completion_tokens", instead="max_tokens")
    bounds = [
        int(_number(body, name, 0, 1, 10**6, whole=True))
        for name in ("max_tokens", "max_completion_tokens")
        if body.get(name) is not None
    ]
    if len(bounds) == 2:
        raise invalid("max_tokens", "'max_tokens' and 'max_completion_tokens' cannot both be set")
    return bounds[0] if bounds else None


def _number(body: Json, field: str, default: float, least: float, most: float, *, whole: bool = False) -> float:
    value = body.get(field)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        raise invalid(field, f"found {value!r}, expected {'an integer' if whole else 'a number'}")
    if not least <= value <= most:
        raise invalid(field, f"found {value}, expected {least:g} to {most:g}")
    return value
