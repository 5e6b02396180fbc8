"""What goes to a language model and what comes back: messages, instructions, completions, answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "user", "assistant"]

# One name for everything an answer can be wrong in without being wrong about the triggers
# (the paper calls all of it hallucination).
AnomalyKind = Literal["unknown utterance", "after the target", "named twice", "none with others", "unreadable"]


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    content: str

    def to_json(self) -> dict[str, str]:
        return {"role": self.role, "content": self.content}


@dataclass(frozen=True, slots=True)
class Instruction:
    """A training example: the loss falls on `completion`, the assistant's last reply, and on nothing else."""

    id: str
    kind: str
    prompt: tuple[Message, ...]
    completion: str
    case_id: str
    made_by: str

    def __post_init__(self) -> None:
        if not self.prompt or self.prompt[-1].role != "user":
            raise ValueError(f"instruction {self.id!r}: the prompt must end on a user message")
        if not self.completion.strip():
            raise ValueError(f"instruction {self.id!r}: an empty completion teaches nothing")


@dataclass(frozen=True, slots=True)
class Completion:
    """One reply; `finish_reason` is "stop" where the model ended it, "length" where we cut it off."""

    text: str
    num_prompt_tokens: int
    num_tokens: int
    finish_reason: Literal["stop", "length"] = "stop"


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply as read. `value` is None where no answer could be read: never a guess, never a vote, always counted."""

    value: frozenset[int] | None
    text: str
    anomalies: tuple[AnomalyKind, ...] = ()
