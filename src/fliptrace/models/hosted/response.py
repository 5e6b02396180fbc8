"""What a provider sends back for a chat request, as far as we read it. What else stands in it is passed over.

Read by pydantic from the bytes: the official client makes its objects far slower, where a request has ten replies.
Format: https://platform.openai.com/docs/api-reference/chat/object.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Said(_Part):
    content: str | None = None


class TokenProbability(_Part):
    """`logprob` is natural; the end of a reply may have an entry of its own, which adds nothing to its text."""

    token: str
    logprob: float


class Probabilities(_Part):
    content: tuple[TokenProbability, ...] | None = None


class ChatChoice(_Part):
    """One of the replies to a request."""

    message: Said
    finish_reason: str | None = None
    logprobs: Probabilities | None = None

    @property
    def text(self) -> str:
        return self.message.content or ""

    @property
    def probabilities(self) -> tuple[TokenProbability, ...]:
        """Of its tokens, in order; empty where they are not told."""
        return (self.logprobs and self.logprobs.content) or ()


class Usage(_Part):
    """Tokens as the provider counts them; `completion_tokens` are those of all replies."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


class ChatReply(_Part):
    """`model` is what the provider calls the model that answered."""

    choices: tuple[ChatChoice, ...]
    model: str | None = None
    usage: Usage | None = None
