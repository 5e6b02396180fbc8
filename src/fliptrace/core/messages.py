"""Input and output of language models: messages, instructions, completions and answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "user", "assistant"]

# The ways in which an answer can be malformed, whatever its triggers (the paper calls all of them hallucinations).
AnomalyKind = Literal["unknown utterance", "after the target", "named twice", "none with others", "unreadable"]


# What constrained decoding prevented: the anomalies above, and "out of form" for tokens that break the answer format
# without naming a wrong utterance (another order, a comma, words). An unconstrained reply of this form may be readable.
PreventedKind = Literal["unknown utterance", "after the target", "named twice", "none with others", "out of form"]


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    content: str

    def to_json(self) -> dict[str, str]:
        return {"role": self.role, "content": self.content}


_NUM_LINES = 3  # `Dialogue` and two utterances, because many dialogues begin with the same greeting


@dataclass(frozen=True, slots=True)
class Instruction:
    """A training example. The loss is computed on `completion`, the assistant's last reply, and on nothing else.

    `soft`, if given, replaces `completion` as the target of the loss: pairs of reply and share. The shares add up to 1.
    """

    id: str
    kind: str
    prompt: tuple[Message, ...]
    completion: str
    case_id: str
    made_by: str
    soft: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        if not self.prompt or self.prompt[-1].role != "user":
            raise ValueError(f"instruction {self.id!r}: the prompt must end with a user message")
        if not self.completion.strip():
            raise ValueError(f"instruction {self.id!r}: the completion is empty")
        if self.soft and (any(share <= 0 for _, share in self.soft) or abs(sum(x for _, x in self.soft) - 1) > 1e-6):
            raise ValueError(f"instruction {self.id!r}: soft targets of {self.soft}; expected shares that add up to 1")

    @property
    def beginning(self) -> tuple[str, ...]:
        """The part of the prompt that instructions on one dialogue share: everything up to its second utterance.

        This is for the layouts that show a dialogue from its beginning. The prompt itself decides, so it works for
        every kind of instruction, and it separates cases whose prompts omit the oldest utterances and so share nothing.
        A question about the first utterance of a dialogue has a beginning of its own.
        """
        question = next(place for place, message in enumerate(self.prompt) if message.role == "user")
        before = (message.content for message in self.prompt[:question])
        return (*before, *self.prompt[question].content.splitlines()[:_NUM_LINES])


@dataclass(frozen=True, slots=True)
class Completion:
    """One reply of a model.

    `finish_reason` is "stop" if the model ended the reply and "length" if it was cut off. `prevented` has one entry for
    each decoding step whose unconstrained choice was illegal. `log_probability` is the natural logarithm of the
    probability of the whole reply, or None if it is not known.
    """

    text: str
    num_prompt_tokens: int
    num_tokens: int
    finish_reason: Literal["stop", "length"] = "stop"
    prevented: tuple[PreventedKind, ...] = ()
    log_probability: float | None = None

    @property
    def is_cut(self) -> bool:
        """Whether the reply was cut off, so that its end may be missing."""
        return self.finish_reason == "length"


@dataclass(frozen=True, slots=True)
class Answer:
    """A parsed reply.

    `value` is None if no answer could be parsed. Such an answer is never guessed and never votes, but always counted.
    `anomalies` are those found in the text; `prevented` are those that constrained decoding kept out of it. A raw count
    of anomalies is the sum of both.
    """

    value: frozenset[int] | None
    text: str
    anomalies: tuple[AnomalyKind, ...] = ()
    prevented: tuple[PreventedKind, ...] = ()


NUM_SHOWN = 3  # replies that could not be parsed, of which a user is shown the first few


def excerpt(text: str, most: int = 160) -> str:
    """A reply on one line, without what a terminal would obey; the middle of a long one is left out.

    >>> excerpt("I think\\nit is 2."), excerpt("a" * 9, most=5)
    ('I think ⏎ it is 2.', 'aa…aa')
    """
    lines = (" ".join("".join(c if c.isprintable() else " " for c in line).split()) for line in text.splitlines())
    row = " ⏎ ".join(line for line in lines if line)
    if len(row) <= most:
        return row
    half = (most - 1) // 2
    return f"{row[:half]}…{row[-half:]}"
