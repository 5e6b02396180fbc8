"""Constrained decoding of the answer line (models/answer_line.py): finds which tokens may come next.

The whole vocabulary is scanned once, to collect the tokens that can occur on an answer line at all. Those tokens are
then checked once per line prefix that occurs, and the result is cached. Byte-level and sentencepiece vocabularies are
treated alike: a token stands for the text that it adds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from fliptrace.core.messages import PreventedKind
from fliptrace.models.answer_line import MARK, AnswerLine, beginnings
from fliptrace.models.chat_template import ChatFormat

_LINE_CHARACTERS = frozenset(f"{MARK} none0123456789")
_MARK_PREFIXES = frozenset(beginnings(MARK))
_WHITESPACE = {"Ġ": " ", "▁": " ", "Ċ": "\n"}  # spellings in byte-level and sentencepiece vocabularies
_ANCHOR = "x"  # decoded before a token, because some decoders strip the leading space of the first token


class Legal(NamedTuple):
    """The tokens that may come next or, if `is_denied`, the only tokens that may not."""

    ids: frozenset[int]
    is_denied: bool

    def permits(self, token: int) -> bool:
        return (token in self.ids) is not self.is_denied

    def mask(self, logits: Tensor) -> Tensor:
        """Set illegal tokens to minus infinity in the logits of one step, (vocab,)."""
        ids = torch.tensor(sorted(i for i in self.ids if i < len(logits)), device=logits.device)
        if self.is_denied:
            return logits.index_fill(0, ids, -torch.inf)
        return torch.full_like(logits, -torch.inf).index_copy_(0, ids, logits[ids])


class LineTokens:
    """Finds the legal tokens of one chat format at each point of an answer line."""

    def __init__(self, chat_format: ChatFormat) -> None:
        self.chat_format = chat_format
        self._legal: dict[tuple[AnswerLine, str, bool, bool], Legal | None] = {}
        self._texts: dict[int, str] = {}

    def text(self, token: int) -> str:
        """Return the text that a token adds when other text precedes it."""
        if token not in self._texts:
            self._texts[token] = self._decode([*self._anchor, token]).removeprefix(self._decode(self._anchor))
        return self._texts[token]

    def first_text(self, token: int) -> str:
        """Return the text of a token at the start of a reply, where some tokenizers strip its leading space."""
        return self._decode([token])

    def legal(self, line: AnswerLine, text: str, *, is_first: bool, is_held: bool) -> Legal | None:
        """Return the tokens that may follow `text`, the current line of a reply; None if any token may.

        `is_first`: the reply is still empty. `is_held`: the current line must be the answer line, either because it
        begins with the mark or because the answer line fills the whole reply.
        """
        if not is_held and text not in _MARK_PREFIXES:
            return None
        key = (line, text, is_first, is_held)
        if key not in self._legal:
            self._legal[key] = self._find_legal(*key)
        return self._legal[key]

    def _find_legal(self, line: AnswerLine, text: str, is_first: bool, is_held: bool) -> Legal | None:
        text_of = self.first_text if is_first else self.text
        if is_held:
            texts = ((token, text_of(token)) for token in self._line_tokens)
            ids = {token for token, added in texts if added and self._begins(line, text + added)}
            if line.ends(text) or line.ends(text.removesuffix(self.chat_format.end_text)):
                ids |= self.chat_format.stop_ids
            return Legal(frozenset(ids), is_denied=False) if ids else None  # None: the vocabulary cannot spell the line
        # One token may both complete the mark and add something illegal, such as ":\n" after "Triggers".
        entering = self._entering[text]
        denied = {token for token in entering if not self._begins(line, (text + text_of(token)).lstrip(" "))}
        return Legal(frozenset(denied), is_denied=True) if denied else None

    def _begins(self, line: AnswerLine, text: str) -> bool:
        """Whether `text` is a prefix of a legal line followed by the end-of-turn text."""
        end = self.chat_format.end_text
        ended = (text.removesuffix(part) for part in (*beginnings(end), end) if part and text.endswith(part))
        return line.begins(text) or any(map(line.ends, ended))

    @cached_property
    def _line_tokens(self) -> list[int]:
        """Tokens that consist only of characters of an answer line or of the end-of-turn text."""
        allowed = _LINE_CHARACTERS | set(self.chat_format.end_text)
        return [token for token, raw in self._raw if set(raw) <= allowed and set(self.text(token)) <= allowed]

    @cached_property
    def _entering(self) -> dict[str, list[int]]:
        """For every proper prefix of the mark, the tokens that complete the mark and add more text."""
        found: dict[str, list[int]] = {}
        for begun in beginnings(MARK):
            rest = MARK.removeprefix(begun)
            longer = (token for token, raw in self._raw if raw.lstrip(" ").startswith(rest) and raw != rest)
            found[begun] = [token for token in longer if (begun + self.text(token)).lstrip(" ") != MARK]
        return found

    @cached_property
    def _raw(self) -> list[tuple[int, str]]:
        """Every non-special token with its vocabulary spelling; whitespace is restored and byte tokens are decoded."""
        tokenizer = self.chat_format.tokenizer
        special = set(tokenizer.all_special_ids) | self.chat_format.stop_ids
        tokens = [token for token in range(len(tokenizer)) if token not in special]
        names = tokenizer.convert_ids_to_tokens(tokens)
        return [
            (token, self.text(token) if _is_byte(name) else _restore_whitespace(name))
            for token, name in zip(tokens, names, strict=True)
            if name is not None
        ]

    @cached_property
    def _anchor(self) -> list[int]:
        ids: list[int] = self.chat_format.tokenizer(_ANCHOR, add_special_tokens=False)["input_ids"]
        return ids

    def _decode(self, ids: Sequence[int]) -> str:
        text: str = self.chat_format.tokenizer.decode(
            list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text


class ConstrainedReply:
    """The state of one constrained reply during decoding: its current line and the choices prevented so far."""

    def __init__(self, tokens: LineTokens, line: AnswerLine) -> None:
        self.tokens = tokens
        self.line = line
        self.prevented: list[PreventedKind] = []
        self._text = ""  # the current line
        self._is_first = True
        self._has_ended = False

    @property
    def legal(self) -> Legal | None:
        """The tokens that may come next; None if any token may."""
        if self._has_ended:
            return None
        return self.tokens.legal(self.line, self._text, is_first=self._is_first, is_held=self._is_held)

    @property
    def _is_held(self) -> bool:
        return self.line.fills_reply or self._text.startswith(MARK)

    def prevent(self, token: int) -> None:
        """Record that the model chose this illegal token; the caller chooses another one."""
        self.prevented.append(self.line.name_prevented(self._text + self._text_of(token)))

    def say(self, token: int) -> None:
        """Append a token to the reply; tokens after the end of the reply are ignored."""
        if self._has_ended:
            return
        text = self._text + self._text_of(token)
        self._has_ended = token in self.tokens.chat_format.stop_ids
        is_held, self._is_first = self._is_held, False
        self._text = text if is_held else text.rpartition("\n")[2].lstrip(" ")

    def _text_of(self, token: int) -> str:
        if token in self.tokens.chat_format.stop_ids:
            return ""
        return self.tokens.first_text(token) if self._is_first else self.tokens.text(token)


def choose_legal(
    replies: Sequence[ConstrainedReply | None],
    chosen: Tensor,
    logits: Tensor,
    again: Callable[[Tensor, list[int]], Tensor],
) -> Tensor:
    """Return the tokens (rows,) after replacing illegal choices; update every constrained reply.

    `chosen` (rows,) are the model's free choices from `logits` (rows, vocab). For the rows whose choice is illegal,
    `again` is called with their masked logits and their row numbers, and returns new tokens. A reply of None is not
    constrained.
    """
    tokens: list[int] = chosen.tolist()
    rules = [reply and reply.legal for reply in replies]
    blocked = {row: rule for row, rule in enumerate(rules) if rule and not rule.permits(tokens[row])}
    if blocked:
        masked = torch.stack([rule.mask(logits[row]) for row, rule in blocked.items()])
        for row, token in zip(blocked, again(masked, list(blocked)).tolist(), strict=True):
            reply = replies[row]
            assert reply is not None
            reply.prevent(tokens[row])
            tokens[row] = token
    for reply, token in zip(replies, tokens, strict=True):
        if reply is not None:
            reply.say(token)
    return torch.tensor(tokens, device=chosen.device) if blocked else chosen


def _is_byte(name: str) -> bool:
    """Whether this is a byte-fallback token of sentencepiece, such as <0x0A>."""
    return len(name) == 6 and name.startswith("<0x") and name.endswith(">")


def _restore_whitespace(name: str) -> str:
    for spelling, whitespace in _WHITESPACE.items():
        name = name.replace(spelling, whitespace)
    return name
