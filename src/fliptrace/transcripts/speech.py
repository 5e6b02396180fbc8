"""The name before a colon in a single line, and cues in brackets in texts of any format.

Whole files of lines such as `Ana: text` are read by `plain`, which weighs the evidence of all lines. All patterns are
bounded, so that matching takes linear time even on lines of several megabytes.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_MAX_NAME_WORDS = 5
MAX_CUE_WORDS = 4  # longer texts in brackets are speech


class Spoken(NamedTuple):
    """A line that names its speaker, and the text after the colon."""

    speaker: str
    text: str


class Cued(NamedTuple):
    """A text without its cues, and the cues."""

    text: str
    cues: tuple[str, ...]


# A name, up to three brackets after it (a time, a cue), and a colon. The asterisks are Markdown.
_NAME = re.compile(
    r"\s{0,40}\*{0,2}([^\s:：\[\](){}<>|][^:：\[\](){}<>|]{0,59})(?:[\[(][^\[\]()]{1,40}[\])]\s{0,3}){0,3}\*{0,2}[:：]"
)
_DASH = re.compile(r"\s{0,40}(?:[-–—•](?![-\d])|>{2,3})\s{0,5}")
_CUE = re.compile(r"\[([^\[\]]{1,60})\]|\(([^()]{1,60})\)|[♪♫]+")

_OUTSIDE_NAMES = frozenset('?!;,"“”„«»…=\\/')
_SMALL_WORDS = frozenset(
    ("al", "and", "bin", "da", "de", "del", "der", "di", "du", "el", "la", "le", "of", "the", "van", "von")
)


def read_name(line: str) -> Spoken | None:
    """Parse a line as a name, a colon and text; None if the words before the first colon cannot be a name.

    >>> read_name("DR. RAY (sighs): Sit down."), read_name("One more thing: sit down.")
    (Spoken(speaker='DR. RAY', text='Sit down.'), None)
    """
    dash = _DASH.match(line)
    if dash is not None:
        line = line[dash.end() :]
    found = _NAME.match(line)
    if found is None:
        return None
    name, text = found[1].rstrip(" \t*"), line[found.end() :]
    if not _is_name(name) or not _may_follow(text, line[found.end() - 2 : found.end()]):
        return None
    return Spoken(name, text.removeprefix("**").strip())


def take_cues(text: str) -> Cued:
    """Remove cues from a text: one to four words in brackets. Musical notes become the cue "music".

    >>> take_cues("Well (sighs), fine [but only for today, my friend].")
    Cued(text='Well, fine [but only for today, my friend].', cues=('sighs',))
    """
    cues: list[str] = []

    def take(found: re.Match[str]) -> str:
        words = "music" if found[0][0] in "♪♫" else " ".join((found[1] or found[2]).split())
        if not _is_cue(words):
            return found[0]
        if words not in cues:
            cues.append(words)
        return " "

    rest = _CUE.sub(take, text)
    if not cues:
        return Cued(text, ())
    return Cued(re.sub(r" (?=[,.!?;:…](?:\s|$))", "", " ".join(rest.split())), tuple(cues))


def _is_cue(words: str) -> bool:
    return 1 <= len(words.split()) <= MAX_CUE_WORDS and any(letter.isalpha() for letter in words)


def _is_name(name: str) -> bool:
    """Whether words may be a name: at most five, and only particles in lower case if several of them have letters."""
    words = name.split()
    if len(words) > _MAX_NAME_WORDS or _OUTSIDE_NAMES & set(name):
        return False
    lettered = [word for word in words if any(letter.isalpha() for letter in word)]
    lower = [word for word in lettered if word[0].islower() and word not in _SMALL_WORDS]
    return len(lettered) == 1 or (bool(lettered) and not lower)


def _may_follow(text: str, colon: str) -> bool:
    """Whether the text after a colon may be speech, not the rest of a time, an address or a smiley."""
    if not text or text[0].isspace() or colon.endswith("："):
        return True
    return not colon[0].isspace() and (text[0].isalpha() or text[0] in "\"'“‘„«*[(…¿¡")
