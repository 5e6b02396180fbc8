"""Training files as providers take them: JSONL of {"messages": [...]}; what is wrong with one, as a job reports it.

The fake provider refuses what this finds, and the hosted trainer asks it before anything is uploaded.

Format: https://platform.openai.com/docs/guides/supervised-fine-tuning. A `weight` of 0 keeps the loss off a message
from assistant; without one it is 1.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from fliptrace.core.messages import Message, Role

ROLES: dict[str, Role] = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
MIN_ROWS = 10


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a job failed. `param` is the field of the job that it lies in, None where it lies in none."""

    code: str
    message: str
    param: str | None = None


@dataclass(frozen=True, slots=True)
class TrainingFile:
    """A file as a job read it: without a problem it has rows; `by_heart` is their last message by those before it."""

    num_rows: int = 0
    num_words: int = 0
    by_heart: dict[tuple[Message, ...], str] = field(default_factory=dict)
    problem: Problem | None = None


def read_training_file(content: bytes, param: str, min_rows: int = MIN_ROWS) -> TrainingFile:
    """A file, or the first thing that is wrong with it."""
    rows = []
    try:
        lines = content.decode().split("\n")
        for number, line in enumerate(lines, start=1):
            if line.strip():
                rows.append(_read_row(line, number))
        if len(rows) < min_rows:
            raise _Wrong(f"found {len(rows)} examples, expected at least {min_rows}")
    except UnicodeDecodeError as error:
        return _invalid(param, f"byte {error.start} is not UTF-8")
    except _Wrong as error:
        return _invalid(param, str(error))
    num_words = sum(len(message.content.split()) for row in rows for message in row)
    return TrainingFile(len(rows), num_words, {row[:-1]: row[-1].content for row in rows})


class _Wrong(Exception):
    """A row, or the whole, is not as wanted."""


def _invalid(param: str, message: str) -> TrainingFile:
    return TrainingFile(problem=Problem(f"invalid_{param}", f"Invalid {param.replace('_', ' ')}: {message}", param))


def _read_row(line: str, number: int) -> tuple[Message, ...]:
    """Its messages, weights left out."""
    try:
        row = json.loads(line)
    except ValueError as error:
        raise _Wrong(f"line {number} is not JSON") from error
    found = row.get("messages") if isinstance(row, dict) else None
    if not isinstance(found, list) or not found:
        raise _Wrong(f"line {number}: expected a list of messages")
    messages = tuple(_read_message(message, f"line {number} message {i}") for i, message in enumerate(found, start=1))
    if messages[-1].role != "assistant":
        raise _Wrong(f"line {number}: the last message is from {found[-1]['role']}, expected assistant")
    if not any(message["role"] == "assistant" and message.get("weight", 1) == 1 for message in found):
        raise _Wrong(f"line {number}: no message from assistant with weight 1")
    return messages


def _read_message(found: Any, place: str) -> Message:
    role = found.get("role") if isinstance(found, dict) else None
    if role not in ROLES:
        raise _Wrong(f"{place}: role {role!r}, expected one of {', '.join(ROLES)}")
    if not isinstance(found.get("content"), str) or not found["content"]:
        raise _Wrong(f"{place}: content {found.get('content')!r}, expected text")
    if "weight" in found and role != "assistant":
        raise _Wrong(f"{place}: weight on a message from {role}, expected it on assistant alone")
    if "weight" in found and (isinstance(found["weight"], bool) or found["weight"] not in (0, 1)):
        raise _Wrong(f"{place}: weight {found['weight']!r}, expected 0 or 1")
    return Message(ROLES[role], found["content"])
