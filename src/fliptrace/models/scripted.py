"""A model that replies from a script, for tests, examples and dry runs without weights or keys.

A script is JSONL. Each row has `answers` and one of three conditions: `key` (the key of a request), `contains` (a part
of the request's last message) or `default` (true: any request). The first condition that matches wins, in this order;
among matching `contains` rows, the first in the file wins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json, read_jsonl
from fliptrace.core.messages import Completion, Message
from fliptrace.models.base import Decoding, Model, Request


@dataclass(frozen=True, slots=True)
class ScriptedModel:
    """Replies from a script. Reply n to a request is `answers[n % len(answers)]`; a token limit never cuts it.

    Tokens are words separated by whitespace. `num_context_tokens` of them fit the context; None sets no limit.

    >>> from fliptrace.core.messages import Message
    >>> model = ScriptedModel({"case-1": ["Triggers: 2", "Triggers: none"]})
    >>> request = Request("case-1", (Message("user", "Which utterances triggered this flip?"),))
    >>> [reply.text for reply in model.complete([request], Decoding("sample", num_samples=3))[0]]
    ['Triggers: 2', 'Triggers: none', 'Triggers: 2']
    """

    by_key: Mapping[str, Sequence[str]] = field(default_factory=dict)
    by_text: Mapping[str, Sequence[str]] = field(default_factory=dict)
    default: Sequence[str] = ()
    name: str = "scripted"
    num_context_tokens: int | None = None

    @classmethod
    def read(cls, path: Path) -> ScriptedModel:
        """Read a script; InputError names the line that is wrong."""
        script: dict[str, dict[str, tuple[str, ...]]] = {"key": {}, "contains": {}, "default": {}}
        for line, row in read_jsonl(path):
            place = f"{path} line {line}"
            kind = _kind(row, place)
            value = str(row[kind])
            if value in script[kind]:
                raise InputError(place, f"a second row for {kind} {row[kind]!r}; expected only one")
            script[kind][value] = _answers(row, place)
        if not any(script.values()):
            raise InputError(path, "no rows; expected at least one row with answers")
        return cls(script["key"], script["contains"], script["default"].get("True", ()), name=f"scripted:{path}")

    def as_model(self) -> Model:
        return Model(self.name, chat=self)

    def complete(self, requests: Sequence[Request], decoding: Decoding) -> list[tuple[Completion, ...]]:
        """See ChatModel; InputError names the key of a request that no row of the script answers."""
        return [self._replies(request, decoding.num_replies) for request in requests]

    def fits(self, messages: tuple[Message, ...], max_new_tokens: int) -> bool:
        num_tokens = _count_tokens(messages) + max_new_tokens
        return self.num_context_tokens is None or num_tokens <= self.num_context_tokens

    def _replies(self, request: Request, num_replies: int) -> tuple[Completion, ...]:
        answers = self._find_answers(request)
        numbers = range(request.number, request.number + num_replies)
        return tuple(_reply(request, answers[n % len(answers)]) for n in numbers)

    def _find_answers(self, request: Request) -> Sequence[str]:
        """Find the answers to a request. The result is never empty."""
        last = request.messages[-1].content
        by_text = (answers for piece, answers in self.by_text.items() if piece in last)
        answers = self.by_key.get(request.key) or next(by_text, self.default)
        if not answers:
            raise InputError(self.name, f"no answer to request {request.key!r}")
        return answers


def _kind(row: Json, place: str) -> str:
    """Return which of the three conditions a row has; InputError if it has none, several, or any other key."""
    kinds = sorted(row.keys() - {"answers"})
    if len(kinds) != 1 or kinds[0] not in ("key", "contains", "default"):
        raise InputError(place, f"found {', '.join(kinds) or 'nothing'}; expected one of key, contains, default")
    kind = kinds[0]
    if kind == "default" and row[kind] is not True:
        raise InputError(place, f"default is {row[kind]!r}; expected true")
    if kind != "default" and not (isinstance(row[kind], str) and row[kind]):
        raise InputError(place, f"{kind} is {row[kind]!r}; expected a non-empty string")
    return kind


def _answers(row: Json, place: str) -> tuple[str, ...]:
    answers = row.get("answers")
    if not isinstance(answers, list) or not answers or not all(isinstance(answer, str) for answer in answers):
        raise InputError(place, "answers: expected a list of at least one string")
    return tuple(answers)


def _reply(request: Request, text: str) -> Completion:
    return Completion(text, _count_tokens(request.messages), len(text.split()))


def _count_tokens(messages: Sequence[Message]) -> int:
    return sum(len(message.content.split()) for message in messages)
