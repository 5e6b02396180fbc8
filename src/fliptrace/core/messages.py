"""What goes to a language model and what comes back: messages, instructions, completions, answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "user", "assistant"]

# One name for everything an answer can be wrong in without being wrong about the triggers
# (the paper calls all of it hallucination).
AnomalyKind = Literal["unknown utterance", "after the target", "named twice", "none with others", "unreadable"]


# What constrained decoding kept a model from: anomalies it had begun to write, and what names no wrong utterance but
# is out of the form asked for (another order, a comma, words); a free reply in that form might have been read.
PreventedKind = Literal["unknown utterance", "after the target", "named twice", "none with others", "out of form"]


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    content: str

    def to_json(self) -> dict[str, str]:
        return {"role": self.role, "content": self.content}


@dataclass(frozen=True, slots=True)
class Instruction:
    """A training example: the loss falls on `completion`, the assistant's last reply, and on nothing else.

    `soft`, where given, is what the loss falls on instead: replies with their shares, which add up to 1.
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
            raise ValueError(f"instruction {self.id!r}: the prompt must end on a user message")
        if not self.completion.strip():
            raise ValueError(f"instruction {self.id!r}: an empty completion teaches nothing")
        if self.soft and (any(share <= 0 for _, share in self.soft) or abs(sum(x for _, x in self.soft) - 1) > 1e-6):
            raise ValueError(f"instruction {self.id!r}: soft targets of {self.soft}; expected shares that add up to 1")


@dataclass(frozen=True, slots=True)
class Completion:
    """One reply; `finish_reason` is "stop" where the model ended it, "length" where we cut it off.

    `prevented` is what constrained decoding kept it from, one entry a step whose unconstrained choice was illegal.
    `log_probability` is the natural logarithm of how probable the model found the whole reply, where that was told.
    """

    text: str
    num_prompt_tokens: int
    num_tokens: int
    finish_reason: Literal["stop", "length"] = "stop"
    prevented: tuple[PreventedKind, ...] = ()
    log_probability: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply as read. `value` is None where no answer could be read: never a guess, never a vote, always counted.

    `anomalies` are found in the text; `prevented` is what constrained decoding kept out of it. A raw count is of both.
    """

    value: frozenset[int] | None
    text: str
    anomalies: tuple[AnomalyKind, ...] = ()
    prevented: tuple[PreventedKind, ...] = ()
