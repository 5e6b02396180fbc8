"""What models offer: replies to what one says, weights for replies one lays before them, triggers straight from a case.

A model that weighs replies can be read exactly: no sampling, and no answer that is not among those asked about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from fliptrace.core.errors import InputError
from fliptrace.core.flips import FlipCase
from fliptrace.core.messages import Completion, Message
from fliptrace.models.answer_line import AnswerLine


@dataclass(frozen=True, slots=True)
class Request:
    """A prompt to complete. `key` is unique and stable (case id and turn): random draws and scripts hang on it.

    A model that can holds its reply to `line`; one that cannot ignores it. `number` is that of the first reply asked
    for: what is asked again goes on where the replies before it ended.
    """

    key: str
    messages: tuple[Message, ...]
    line: AnswerLine | None = None
    number: int = 0


@dataclass(frozen=True, slots=True)
class Choice:
    """A prompt and the replies to weigh after it. `key` is unique and stable.

    `opening` is a beginning of the reply that stands already (a rationale), and is not weighed itself.
    """

    key: str
    messages: tuple[Message, ...]
    replies: tuple[str, ...]
    opening: str = ""

    def __post_init__(self) -> None:
        if not self.replies or len(set(self.replies)) != len(self.replies):
            raise ValueError(f"choice {self.key!r}: expected replies, each once")


DecodingKind = Literal["greedy", "sample", "exact"]


@dataclass(frozen=True, slots=True)
class Decoding:
    """How a model is read. Greedy ignores `num_samples`, `temperature`, `top_p` and `seed`.

    `constrain` keeps answer lines to what may stand there (answer_line.py). Exact is no way to draw replies: answers
    are weighed (inference/exact_voting.py), after `num_samples` rationales where reasons are asked for, one being
    greedy.
    """

    kind: DecodingKind = "greedy"
    num_samples: int = 1
    temperature: float = 0.7
    top_p: float = 1.0
    max_new_tokens: int = 256
    seed: int = 0
    constrain: bool = True

    def __post_init__(self) -> None:
        if self.num_samples < 1:
            raise ValueError(f"num_samples {self.num_samples}: expected at least 1")
        if not self.temperature > 0:
            raise ValueError(f"temperature {self.temperature}: expected more than 0; for 0 decode greedily")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p {self.top_p}: expected more than 0 and at most 1")
        if self.max_new_tokens < 1:
            raise ValueError(f"max_new_tokens {self.max_new_tokens}: expected at least 1")

    @property
    def num_replies(self) -> int:
        """Replies to one request; exact draws none."""
        assert self.kind != "exact"
        return 1 if self.kind == "greedy" else self.num_samples


def make_decoding(**settings: Any) -> Decoding:
    """A decoding from what a user set; InputError says what is wrong with it."""
    try:
        return Decoding(**settings)
    except ValueError as error:
        raise InputError("decoding", str(error)) from error


@runtime_checkable
class ChatModel(Protocol):
    """A model one talks to."""

    @property
    def name(self) -> str: ...

    def complete(self, requests: Sequence[Request], decoding: Decoding) -> list[tuple[Completion, ...]]:
        """`decoding.num_replies` completions for every request, in the order of the requests, from its `number` on.

        The reply number n to a request depends on (seed, key, n) alone, not on what else is in the batch, nor on
        whether those before it were asked for in the same call.
        """
        ...

    def fits(self, messages: tuple[Message, ...], max_new_tokens: int) -> bool:
        """Whether the prompt and a reply of that length fit the model's context."""
        ...


@runtime_checkable
class ReplyScorer(Protocol):
    """A model that tells how probable it is that it gives a reply, word for word, and ends there."""

    @property
    def name(self) -> str: ...

    def score_replies(self, choices: Sequence[Choice]) -> list[tuple[float, ...]]:
        """For every choice, in order, the natural log-probability of each of its replies, closed by the end of turn."""
        ...

    def fits(self, messages: tuple[Message, ...], max_new_tokens: int) -> bool:
        """Whether the prompt and a reply of that length fit the model's context."""
        ...


@runtime_checkable
class LogprobSampler(Protocol):
    """A ChatModel that tells of each reply it gives how probable it was, and cannot be asked about any other."""

    @property
    def name(self) -> str: ...

    def sample_with_logprobs(self, requests: Sequence[Request], decoding: Decoding) -> list[tuple[Completion, ...]]:
        """`decoding.num_samples` completions for every request, in order, drawn at temperature 1, each with its
        `log_probability`. InputError where the model does not tell it after all.
        """
        ...


@runtime_checkable
class KeepsAnswers(Protocol):
    """A ChatModel that puts every reply on disk itself: it is asked about everything at once, and nothing is lost."""

    keeps_answers: bool


@runtime_checkable
class TriggerModel(Protocol):
    """A model that names triggers without words: a rule, a classifier."""

    @property
    def name(self) -> str: ...

    def name_triggers(self, case: FlipCase) -> frozenset[int]: ...
