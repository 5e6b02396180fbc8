"""Checks training files for hosted fine-tuning: JSONL of {"messages": [...]}.

Problems are reported as a fine-tuning job reports them. The fake provider refuses files with a problem, and the hosted
trainer checks a file before it uploads anything.

Format: https://platform.openai.com/docs/guides/supervised-fine-tuning. An assistant message has no loss if its `weight`
is 0; the default is 1.
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
    """Why a job failed. `param` is the field of the job that is to blame, or None."""

    code: str
    message: str
    param: str | None = None


@dataclass(frozen=True, slots=True)
class TrainingFile:
    """A training file as a job reads it: its rows or its `problem`.

    `by_heart` maps the messages of each row but the last to the content of the last.
    """

    num_rows: int = 0
    num_words: int = 0
    by_heart: dict[tuple[Message, ...], str] = field(default_factory=dict)
    problem: Problem | None = None


def read_training_file(content: bytes, param: str, min_rows: int = MIN_ROWS) -> TrainingFile:
    """Read a training file; the result holds its rows, or the first problem found."""
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
    """A row or the file as a whole is invalid."""


def _invalid(param: str, message: str) -> TrainingFile:
    return TrainingFile(problem=Problem(f"invalid_{param}", f"Invalid {param.replace('_', ' ')}: {message}", param))


def _read_row(line: str, number: int) -> tuple[Message, ...]:
    """The messages of a row, without weights."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:  # the latter for very deep nesting
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
