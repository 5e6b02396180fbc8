"""What models can do: reply to messages, score given replies, or name triggers without words.

A model that scores replies can be decoded exactly: nothing is sampled, and no answer is possible but those it was asked
about. `Model` bundles the abilities of one model; inference chooses by it once (inference/seams.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.errors import InputError
from fliptrace.core.flips import FlipCase
from fliptrace.core.messages import Completion, Message
from fliptrace.models.answer_line import AnswerLine
from fliptrace.models.known_words import KnownWords


@dataclass(frozen=True, slots=True)
class Request:
    """A prompt to complete.

    `key` is unique and stable (case id and turn); random draws and scripted answers depend on it. A model that supports
    constrained decoding keeps its reply to `line`; others ignore it. `number` is the number of the first reply that is
    asked for, so that later calls continue where earlier ones ended.
    """

    key: str
    messages: tuple[Message, ...]
    line: AnswerLine | None = None
    number: int = 0


@dataclass(frozen=True, slots=True)
class Choice:
    """A prompt and the replies to score after it. `key` is unique and stable.

    `opening` is the beginning of the reply (a rationale). It is given, and not scored itself.
    """

    key: str
    messages: tuple[Message, ...]
    replies: tuple[str, ...]
    opening: str = ""

    def __post_init__(self) -> None:
        if not self.replies or len(set(self.replies)) != len(self.replies):
            raise ValueError(f"choice {self.key!r}: expected at least one reply, each only once")


@dataclass(frozen=True, slots=True)
class Form:
    """A prompt and a reply with blanks: `starts[i]` is the text before blank i, and `options` what may fill each.

    `key` is unique and stable.
    """

    key: str
    messages: tuple[Message, ...]
    starts: tuple[str, ...]
    options: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.starts or not self.options:
            raise ValueError(f"form {self.key!r}: expected at least one blank and one option")


DecodingKind = Literal["greedy", "sample", "exact"]


@dataclass(frozen=True, slots=True)
class Decoding:
    """How answers are decoded. Greedy decoding ignores `num_samples`, `temperature`, `top_p` and `seed`.

    `constrain` allows answer lines to hold only what is legal there (answer_line.py). Exact decoding draws no answers:
    it scores them (inference/exact_voting.py), after `num_samples` rationales if reasons are asked for; a single
    rationale is greedy.
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
        """The number of replies to one request. Exact decoding draws none, so it has no such number."""
        assert self.kind != "exact"
        return 1 if self.kind == "greedy" else self.num_samples


def make_decoding(**settings: Any) -> Decoding:
    """A decoding from what a user has set; InputError says which setting is wrong."""
    try:
        return Decoding(**settings)
    except ValueError as error:
        raise InputError("decoding", str(error)) from error


class ChatModel(Protocol):
    """A model that replies to messages."""

    @property
    def name(self) -> str: ...

    def complete(self, requests: Sequence[Request], decoding: Decoding) -> list[tuple[Completion, ...]]:
        """`decoding.num_replies` completions for every request, in the order of the requests, from its `number` on.

        Reply number n to a request depends on (seed, key, n) alone: neither on what else is in the batch, nor on
        whether earlier replies were asked for in the same call.
        """
        ...

    def fits(self, messages: tuple[Message, ...], max_new_tokens: int) -> bool:
        """Whether the prompt and a reply of that length fit the model's context."""
        ...


class ReplyScorer(Protocol):
    """A model that tells how likely it is to give a reply, word for word, and to end there."""

    @property
    def name(self) -> str: ...

    def score_replies(self, choices: Sequence[Choice]) -> list[tuple[float, ...]]:
        """For every choice, in order, the natural log-probability of each of its replies and its end of turn."""
        ...

    def fits(self, messages: tuple[Message, ...], max_new_tokens: int) -> bool:
        """Whether the prompt and a reply of that length fit the model's context."""
        ...


class FormFiller(Protocol):
    """A model that fills blanks one after the other, each with its likeliest option, which it then has said."""

    @property
    def name(self) -> str: ...

    def fill_forms(self, forms: Sequence[Form]) -> list[tuple[tuple[float, ...], ...]]:
        """For every form, in order, for every blank the probability of each option; each blank's add up to 1."""
        ...

    def can_fill(self, options: tuple[str, ...]) -> bool:
        """Whether the first tokens of these options differ, so that one token decides."""
        ...

    def fits(self, messages: tuple[Message, ...], max_new_tokens: int) -> bool:
        """Whether the prompt and a reply of that length fit the model's context."""
        ...


class LogprobSampler(Protocol):
    """A model that reports the log-probability of the replies it samples, but cannot score any other reply."""

    @property
    def name(self) -> str: ...

    def sample_with_logprobs(self, requests: Sequence[Request], decoding: Decoding) -> list[tuple[Completion, ...]]:
        """`decoding.num_samples` completions for every request, in order, sampled at temperature 1, each with its
        `log_probability`. InputError if the model does not report it after all.
        """
        ...

    def fits(self, messages: tuple[Message, ...], max_new_tokens: int) -> bool:
        """Whether the prompt and a reply of that length fit the model's context."""
        ...


class TriggerModel(Protocol):
    """A model that names triggers without words: a rule, a classifier."""

    @property
    def name(self) -> str: ...

    def name_triggers(self, case: FlipCase) -> frozenset[int]: ...


class DialogueReader(Protocol):
    """A model that reads a dialogue utterance by utterance, and says what it found in numbers alone."""

    @property
    def name(self) -> str: ...

    @property
    def context(self) -> int:
        """The number of utterances before another that what it says of that one depends on."""
        ...

    @property
    def window(self) -> int:
        """The number of last utterances, up to a flip's target, among which it looks for triggers."""
        ...

    def read_emotions(self, dialogues: Sequence[Dialogue]) -> Iterator[NDArray[np.float32]]:
        """For every dialogue, in order, the probability of each label of its emotion set: (utterances, labels)."""
        ...

    def support_triggers(self, cases: Sequence[FlipCase]) -> list[tuple[float, ...]]:
        """For every case, in order, the probability of each utterance to be a trigger of its flip."""
        ...

    def find_overlong(self, dialogues: Sequence[Dialogue]) -> list[frozenset[int]]:
        """For every dialogue, in order, the positions of the utterances of which only the beginning is read."""
        ...

    def forget(self) -> None:
        """Forget what was read. What it says next then depends on nothing before, not even in the last digits."""
        ...


@dataclass(frozen=True, slots=True)
class Model:
    """One model by its abilities. An ability that it lacks is None; at least one is there.

    `keeps_replies`: the model writes every reply to disk itself, so that it can be asked about everything at once.
    `words` are those that its emotions were learnt from, None where that is not known.
    """

    name: str
    chat: ChatModel | None = None
    scorer: ReplyScorer | None = None
    sampler: LogprobSampler | None = None
    forms: FormFiller | None = None
    rule: TriggerModel | None = None
    reader: DialogueReader | None = None
    keeps_replies: bool = False
    words: KnownWords | None = None

    @property
    def writer(self) -> ChatModel:
        """The model as one that replies; only for models that are known to."""
        assert self.chat is not None, f"{self.name} writes no replies"
        return self.chat

    @property
    def reads_text(self) -> bool:
        """Whether it labels emotions; a rule does not."""
        return self.reader is not None or self.text_reader is not None

    @property
    def text_reader(self) -> ChatModel | ReplyScorer | None:
        """The part that is prompted with the text of a dialogue; None for a rule and for a DialogueReader."""
        return self.chat or self.scorer
