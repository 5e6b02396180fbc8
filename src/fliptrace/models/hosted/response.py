"""The parts of a provider's chat response that we read. All other fields are ignored.

pydantic parses the bytes directly, since the official client is far slower for responses with ten replies.
Format: https://platform.openai.com/docs/api-reference/chat/object.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
)

_TEXT_KINDS = ("text", "output_text")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Said(_Part):
    """The message of a choice. Of a content in parts, `content` is the text; thoughts are left out.

    >>> Said(content=[{"type": "thinking", "thinking": "1?"}, {"type": "text", "text": "Triggers: 2"}]).content
    'Triggers: 2'
    """

    content: str | None = None

    @field_validator("content", mode="before")
    @classmethod
    def _join_parts(cls, content: Any) -> Any:
        return "".join(map(_text_of, content)) if isinstance(content, list) else content


class TokenProbability(_Part):
    """A token and its natural log-probability. The end of a reply may have its own entry, which adds no text."""

    token: str
    logprob: float


class Probabilities(_Part):
    """The entries of a reply's tokens; None where the server gives none."""

    content: tuple[TokenProbability, ...] | None = None


class ChatChoice(_Part):
    """One of the replies to a request."""

    message: Said
    finish_reason: str | None = None
    logprobs: Probabilities | None = None
    error: Any = None  # OpenRouter's, with HTTP 200, where a model fails

    @property
    def text(self) -> str:
        return self.message.content or ""

    @property
    def probabilities(self) -> tuple[TokenProbability, ...]:
        """The entries of its tokens, in order; empty where the server gives none."""
        return (self.logprobs and self.logprobs.content) or ()


_NumTokens = Annotated[int, Field(ge=0, le=10**9)]


class Usage(_Part):
    """Tokens as the provider counts them; `completion_tokens` covers all replies."""

    prompt_tokens: _NumTokens = 0
    completion_tokens: _NumTokens = 0


def _or_none(value: Any, read: ValidatorFunctionWrapHandler) -> Usage | None:
    """Usage that cannot be true, such as a negative number, counts as missing: the call is paid as estimated."""
    try:
        usage: Usage | None = read(value)
    except ValidationError:
        return None
    return usage


class ChatReply(_Part):
    """The response to one request. `model` is the provider's name for the model that answered."""

    choices: tuple[ChatChoice, ...]
    model: str | None = None
    usage: Annotated[Usage | None, WrapValidator(_or_none)] = None


def _text_of(part: Any) -> str:
    """The text of a part of a content; "" for a part of another kind, such as a thought."""
    if isinstance(part, str):
        return part
    text = part.get("text") if isinstance(part, dict) and part.get("type", "text") in _TEXT_KINDS else None
    return text if isinstance(text, str) else ""
