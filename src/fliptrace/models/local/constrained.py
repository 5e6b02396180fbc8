"""The answer line (models/answer_line.py) token by token: which tokens of a vocabulary may come next.

A vocabulary is not walked at every step: once, for the tokens that can stand on such a line at all; these then once for
every beginning of a line that comes up. Byte-level or sentencepiece is all one: a token is the text that it adds.
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

_SIGNS = frozenset(f"{MARK} none0123456789")
_MARK_BEGUN = frozenset(beginnings(MARK))
_BLANKS = {"Ġ": " ", "▁": " ", "Ċ": "\n"}  # as byte-level and sentencepiece vocabularies write them
_ANCHOR = "x"  # something to stand before a token: alone, some decoders strip its blank


class Legal(NamedTuple):
    """The tokens that may come next, or, where `is_denied`, all but which may."""

    ids: frozenset[int]
    is_denied: bool

    def permits(self, token: int) -> bool:
        return (token in self.ids) is not self.is_denied

    def mask(self, logits: Tensor) -> Tensor:
        """The logits of one step, (vocab,), minus infinity where illegal."""
        ids = torch.tensor(sorted(i for i in self.ids if i < len(logits)), device=logits.device)
        if self.is_denied:
            return logits.index_fill(0, ids, -torch.inf)
        return torch.full_like(logits, -torch.inf).index_copy_(0, ids, logits[ids])


class LineTokens:
    """The tokens of one chat format on answer lines."""

    def __init__(self, chat_format: ChatFormat) -> None:
        self.chat_format = chat_format
        self._legal: dict[tuple[AnswerLine, str, bool, bool], Legal | None] = {}
        self._texts: dict[int, str] = {}

    def text(self, token: int) -> str:
        """What a token adds to a text before it."""
        if token not in self._texts:
            self._texts[token] = self._decode([*self._anchor, token]).removeprefix(self._decode(self._anchor))
        return self._texts[token]

    def first_text(self, token: int) -> str:
        """What a token is at the start of a reply: some tokenizers strip its blank there."""
        return self._decode([token])

    def legal(self, line: AnswerLine, text: str, *, is_first: bool, is_held: bool) -> Legal | None:
        """What may follow `text`, a reply's current line; None where anything may.

        `is_first`: nothing was said yet. `is_held`: the current line is the answer line, or nothing may stand before.
        """
        if not is_held and text not in _MARK_BEGUN:
            return None
        key = (line, text, is_first, is_held)
        if key not in self._legal:
            self._legal[key] = self._find_legal(*key)
        return self._legal[key]

    def _find_legal(self, line: AnswerLine, text: str, is_first: bool, is_held: bool) -> Legal | None:
        read = self.first_text if is_first else self.text
        if is_held:
            texts = ((token, read(token)) for token in self._line_tokens)
            ids = {token for token, added in texts if added and self._begins(line, text + added)}
            if line.ends(text) or line.ends(text.removesuffix(self.chat_format.end_text)):
                ids |= self.chat_format.stop_ids
            return Legal(frozenset(ids), is_denied=False) if ids else None  # a vocabulary that cannot spell goes free
        # A token may enter the answer line and say what is illegal there at once, such as ":\n" after "Triggers".
        denied = {token for token in self._entering[text] if not self._begins(line, (text + read(token)).lstrip(" "))}
        return Legal(frozenset(denied), is_denied=True) if denied else None

    def _begins(self, line: AnswerLine, text: str) -> bool:
        """Whether a legal line, and what ends a turn behind it, begins so."""
        end = self.chat_format.end_text
        ended = (text.removesuffix(part) for part in (*beginnings(end), end) if part and text.endswith(part))
        return line.begins(text) or any(map(line.ends, ended))

    @cached_property
    def _line_tokens(self) -> list[int]:
        """Tokens made of nothing but signs of an answer line and its end."""
        signs = _SIGNS | set(self.chat_format.end_text)
        return [token for token, raw in self._raw if set(raw) <= signs and set(self.text(token)) <= signs]

    @cached_property
    def _entering(self) -> dict[str, list[int]]:
        """For every beginning of the mark: tokens that complete it and go on."""
        found: dict[str, list[int]] = {}
        for begun in beginnings(MARK):
            rest = MARK.removeprefix(begun)
            longer = (token for token, raw in self._raw if raw.lstrip(" ").startswith(rest) and raw != rest)
            found[begun] = [token for token in longer if (begun + self.text(token)).lstrip(" ") != MARK]
        return found

    @cached_property
    def _raw(self) -> list[tuple[int, str]]:
        """Every token that is text, as the vocabulary writes it but for its blanks; byte tokens decoded."""
        tokenizer = self.chat_format.tokenizer
        special = set(tokenizer.all_special_ids) | self.chat_format.stop_ids
        tokens = [token for token in range(len(tokenizer)) if token not in special]
        names = tokenizer.convert_ids_to_tokens(tokens)
        return [
            (token, self.text(token) if _is_byte(name) else _unblank(name))
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
    """One reply while it is written: its current line, and what was prevented in it."""

    def __init__(self, tokens: LineTokens, line: AnswerLine) -> None:
        self.tokens = tokens
        self.line = line
        self.prevented: list[PreventedKind] = []
        self._text = ""  # of the current line
        self._is_first = True
        self._has_ended = False

    @property
    def legal(self) -> Legal | None:
        """What may come next; None where anything may."""
        if self._has_ended:
            return None
        return self.tokens.legal(self.line, self._text, is_first=self._is_first, is_held=self._is_held)

    @property
    def _is_held(self) -> bool:
        return self.line.fills_reply or self._text.startswith(MARK)

    def prevent(self, token: int) -> None:
        """The model chose this token, which is illegal; it will be told to choose again."""
        self.prevented.append(self.line.name_prevented(self._text + self._read(token)))

    def say(self, token: int) -> None:
        """The reply goes on by this token; what comes after its end is nothing."""
        if self._has_ended:
            return
        said = self._text + self._read(token)
        self._has_ended = token in self.tokens.chat_format.stop_ids
        is_held, self._is_first = self._is_held, False
        self._text = said if is_held else said.rpartition("\n")[2].lstrip(" ")

    def _read(self, token: int) -> str:
        if token in self.tokens.chat_format.stop_ids:
            return ""
        return self.tokens.first_text(token) if self._is_first else self.tokens.text(token)


def choose_legal(
    replies: Sequence[ConstrainedReply | None],
    chosen: Tensor,
    logits: Tensor,
    again: Callable[[Tensor, list[int]], Tensor],
) -> Tensor:
    """The free choices (rows,), and where one is illegal what `again` chooses instead from logits (rows, vocab).

    `again` takes the masked logits of some rows and the numbers of these rows. Replies of None are not held.
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
    """A byte-fallback token of sentencepiece, such as <0x0A>."""
    return len(name) == 6 and name.startswith("<0x") and name.endswith(">")


def _unblank(name: str) -> str:
    for sign, blank in _BLANKS.items():
        name = name.replace(sign, blank)
    return name
