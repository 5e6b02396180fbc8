"""Fills forms with a decoder: the text between blanks is given, and at a blank only the options can follow.

A form is a reply whose shape is known. It is read as one reply, so that a blank sees what filled those before it, and
each blank has a distribution. Rows of a batch take one token a step, as in any decoding.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from fliptrace.models.base import Form
from fliptrace.models.chat_template import ChatFormat


class FormReader(Protocol):
    """The part of local.model.PromptReader that filling needs."""

    def read(self, prompts: Sequence[Sequence[int]], num_replies: int, max_new_tokens: int) -> Tensor: ...
    def step(self, tokens: Tensor) -> Tensor: ...
    def keep(self, kept: Tensor) -> None: ...


class FormTokens(NamedTuple):
    """A form in tokens: the prompt up to the first blank, the text before each later one, and the options."""

    prompt: list[int]
    later: list[list[int]]
    options: list[list[int]]

    @property
    def max_new_tokens(self) -> int:
        longest = max(map(len, self.options))
        return sum(map(len, self.later)) + (len(self.later) + 1) * longest


def first_tokens_differ(chat: ChatFormat, options: Sequence[str]) -> bool:
    firsts = [chat.encode_text(option)[:1] for option in options]
    return all(firsts) and len({first[0] for first in firsts}) == len(firsts)


def tokenize_form(form: Form, chat: ChatFormat) -> FormTokens:
    first, *later = map(chat.encode_text, form.starts)
    return FormTokens([*chat.encode_prompt(form.messages), *first], later, list(map(chat.encode_text, form.options)))


@torch.inference_mode()
def fill(forms: Sequence[FormTokens], reader: FormReader, device: Any) -> list[tuple[tuple[float, ...], ...]]:
    """Fill a batch of forms. For every form, for every blank, the probability of each option."""
    filled: list[list[tuple[float, ...]]] = [[] for _ in forms]
    logits = reader.read([form.prompt for form in forms], 1, max(form.max_new_tokens for form in forms))
    rows = list(range(len(forms)))  # the forms that are not full yet, in the order of the logits
    said = [_say(form, filled[number]) for number, form in enumerate(forms)]
    for one in said:
        next(one)
    while True:
        tokens = []
        for row, number in enumerate(rows):
            try:
                tokens.append(said[number].send(logits[row]))
            except StopIteration:
                tokens.append(-1)
        kept = [row for row, token in enumerate(tokens) if token >= 0]
        if not kept:
            return [tuple(each) for each in filled]
        if len(kept) < len(rows):
            reader.keep(torch.tensor(kept, device=device))
            rows, tokens = [rows[row] for row in kept], [tokens[row] for row in kept]
        logits = reader.step(torch.tensor(tokens, device=device))


def _say(form: FormTokens, filled: list[tuple[float, ...]]) -> Generator[int, Tensor, None]:
    """A coroutine: takes the logits of the next token, (vocab,), and yields the token to say; adds to `filled`."""
    firsts = [option[0] for option in form.options]
    logits = yield -1
    for after in [*form.later, None]:
        shares = torch.softmax(logits[firsts].double(), dim=-1)
        filled.append(tuple(shares.tolist()))
        if after is None:
            return
        for token in [*form.options[int(shares.argmax())], *after]:
            logits = yield token
