"""A chat request: what the client asks for, and the same without what this provider does not honour.

Fields: https://platform.openai.com/docs/api-reference/chat/create.
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, FailFast, Field

from fliptrace.core.files import Json, hash_json
from fliptrace.core.messages import Message
from fliptrace.curate.training_file import ROLES
from fliptrace.fake_provider.api_errors import invalid, unsupported
from fliptrace.fake_provider.body import Body
from fliptrace.fake_provider.schema import read_schema
from fliptrace.fake_provider.settings import Honours
from fliptrace.models.base import Decoding

_NO_PARAMETERS = {"model", "messages", "seed", "n", "user", "metadata", "stream"}
# For a request without a limit; enough for every reply to our prompts.
_DEFAULT_MAX_TOKENS = 256


def _join_parts(content: Any) -> Any:
    """Join content that is given in parts, if all of them are text."""
    is_list = isinstance(content, list)
    if is_list and all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in content):
        return "".join(part["text"] for part in content)
    return content


class ChatMessage(Body):
    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[str, BeforeValidator(_join_parts)]


class ChatRequest(Body):
    """The body of a chat request. Choice i is reply number `seed` + i to the messages."""

    model_config = ConfigDict(extra="allow")  # for the hash

    model: str = ""
    messages: Annotated[list[ChatMessage], FailFast(), Field(min_length=1)]
    n: int = Field(default=1, ge=1, le=128)
    seed: int = Field(default=0, ge=-(2**63), le=2**63)
    temperature: float = Field(default=1.0, ge=0, le=2)
    top_p: float = Field(default=1.0, gt=0, le=1)
    max_completion_tokens: int | None = Field(default=None, ge=1, le=10**6)
    max_tokens: int | None = Field(default=None, ge=1, le=10**6)
    logprobs: bool = False
    top_logprobs: int = Field(default=0, ge=0, le=20)
    response_format: Json = Field(default_factory=dict)
    stream: bool = False

    def honoured(self, honours: Honours) -> ChatRequest:
        """Return the request without what a provider ignores. ApiError for fields that it refuses."""
        if refused := sorted(honours.refuses & self.model_fields_set):
            raise unsupported(refused[0])
        if not self.model:
            raise invalid("model", "found nothing, expected the name of a model")
        if self.stream:
            raise unsupported("stream")
        if self.max_completion_tokens and not honours.max_completion_tokens:
            raise unsupported("max_completion_tokens", instead="max_tokens")
        if self.max_completion_tokens and self.max_tokens:
            raise invalid("max_tokens", "'max_tokens' and 'max_completion_tokens' cannot both be set")
        if "top_logprobs" in self.model_fields_set and not self.logprobs:
            raise invalid("top_logprobs", "it needs 'logprobs' to be true")
        ignored: Json = {} if honours.n else {"n": 1}
        ignored |= {} if honours.sampling else {"temperature": 0.0}
        ignored |= {} if honours.logprobs else {"logprobs": False}
        ignored |= {} if honours.response_format else {"response_format": {}}
        chat = self.model_copy(update=ignored)
        read_schema(chat.response_format)  # ApiError where it is invalid
        return chat

    @cached_property
    def prompt(self) -> tuple[Message, ...]:
        return tuple(Message(ROLES[message.role], message.content) for message in self.messages)

    @cached_property
    def key(self) -> str:
        """The hash of the messages."""
        return hash_json([message.to_json() for message in self.prompt])

    @property
    def sha256(self) -> str:
        """The hash of model, messages and parameters without seed and n."""
        return hash_json([self.model, self.key, self.model_dump(exclude=_NO_PARAMETERS, exclude_unset=True)])

    @cached_property
    def reply_schema(self) -> Json | None:
        """The JSON schema of the replies, if there is one."""
        return read_schema(self.response_format)

    @property
    def token_limit(self) -> int | None:
        return self.max_tokens or self.max_completion_tokens

    @property
    def is_greedy(self) -> bool:
        return self.temperature == 0

    @property
    def decoding(self) -> Decoding:
        max_new_tokens = self.token_limit or _DEFAULT_MAX_TOKENS
        if self.is_greedy:
            return Decoding(max_new_tokens=max_new_tokens)
        return Decoding("sample", self.n, self.temperature, self.top_p, max_new_tokens)
