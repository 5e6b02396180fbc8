"""The grammar of the answer line: `Triggers: none`, or utterance numbers in ascending order. Text only, no tokens.

It restates the rules of prompts/answers.py as a grammar that can tell whether a text is a prefix of a legal line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from fliptrace.core.messages import PreventedKind

MARK = "Triggers:"  # a line that begins with it is the answer line
_NONE = "none"


@dataclass(frozen=True)
class AnswerLine:
    """The legal answer lines of one case. A reply must end with such a line.

    `labels`, in ascending order, are the utterance numbers that may be named. `later` are the numbers of utterances
    after the target, which exist but may not be named. With `fills_reply` the reply consists of this line only;
    otherwise free text may precede it, until a line begins with `MARK`.

    >>> line = AnswerLine((1, 2, 12))
    >>> [line.begins(text) for text in ("Trig", "Triggers: 1", "Triggers: 2 1", "Triggers: 2 2", "Triggers: 3")]
    [True, True, True, False, False]
    >>> [line.ends(text) for text in ("Triggers:", "Triggers: none", "Triggers: 1 12", "Triggers: 2 1")]
    [False, True, True, False]
    """

    labels: tuple[int, ...]
    later: tuple[int, ...] = ()
    fills_reply: bool = True

    def begins(self, text: str) -> bool:
        """Whether the text is a prefix of a legal line, or a whole one."""
        head = f"{MARK} "
        if len(text) <= len(head):
            return head.startswith(text)
        if not text.startswith(head):
            return False
        rest = text[len(head) :]
        *named, last = rest.split(" ")
        highest = self._highest(named)
        return _NONE.startswith(rest) or (highest is not None and self._highest_by_beginning.get(last, -1) > highest)

    def ends(self, text: str) -> bool:
        """Whether the text is a complete legal line."""
        head, mark, rest = text.partition(f"{MARK} ")
        return bool(mark) and not head and (rest == _NONE or self._highest(rest.split(" ")) not in (None, -1))

    def name_prevented(self, text: str) -> PreventedKind:
        """Classify a text that is no prefix of a legal line by what is wrong with its last word."""
        words = text.removeprefix(MARK).split()
        if _NONE in words and len(words) > 1:
            return "none with others"
        if not words or not _is_number(words[-1]):
            return "out of form"
        number, named = int(words[-1]), [int(word) for word in words[:-1] if _is_number(word)]
        if number in named:
            return "named twice"
        if number in self.labels:
            return "out of form"
        return "after the target" if number in self.later else "unknown utterance"

    def _highest(self, words: list[str]) -> int | None:
        """Return the last of these labels, -1 if there are none, or None if they are not labels in ascending order."""
        highest = -1
        for word in words:
            if word not in self._texts or int(word) <= highest:
                return None
            highest = int(word)
        return highest

    @cached_property
    def _texts(self) -> frozenset[str]:
        return frozenset(map(str, self.labels))

    @cached_property
    def _highest_by_beginning(self) -> dict[str, int]:
        """The highest label that begins with each prefix of a label, including the empty prefix."""
        return {text[:length]: int(text) for text in map(str, self.labels) for length in range(len(text) + 1)}


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit()


def beginnings(text: str) -> Iterator[str]:
    """Yield all proper prefixes of the text, shortest first, beginning with the empty one."""
    return (text[:length] for length in range(len(text)))
