"""Names before a colon and times in single lines, and cues in brackets in texts of any format.

Whole files of lines such as `Ana: text` are read by `plain`, which weighs the evidence of all lines. All patterns are
bounded, so that matching takes linear time even on lines of several megabytes.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from fliptrace.transcripts.times import CLOCK

MAX_NAME_WORDS = 5
MAX_CUE_WORDS = 4


class Spoken(NamedTuple):
    """One parsed line; `speaker` is None if the line names nobody."""

    speaker: str | None
    text: str
    cues: tuple[str, ...] = ()
    start: str | None = None
    end: str | None = None


class Cued(NamedTuple):
    """A text without its cues, and the cues."""

    text: str
    cues: tuple[str, ...]


_RANGE = rf"({CLOCK})(?:\s?(?:-->|->|[-–—])\s?({CLOCK}))?"
_BRACKETED_TIME = re.compile(rf"\s{{0,40}}(?:\[\s?{_RANGE}\s?\]|\(\s?{_RANGE}\s?\)|<\s?{_RANGE}\s?>)\s{{0,10}}[-–—:]?")
_BARE_TIME = re.compile(rf"\s{{0,40}}{_RANGE}(?=\s|[-–—])\s{{0,10}}[-–—]?")
# A name, up to three brackets that belong to it (a time, a cue), and a colon. The asterisks are Markdown.
_NAME = re.compile(
    r"\s{0,40}\*{0,2}([^\s:：\[\](){}<>|][^:：\[\](){}<>|]{0,59})((?:[\[(][^\[\]()]{1,40}[\])]\s{0,3}){0,3})\*{0,2}[:：]"
)
_DASH = re.compile(r"\s{0,40}(?:[-–—•](?![-\d])|>{2,3})\s{0,5}")
_CUE = re.compile(r"\[([^\[\]]{1,60})\]|\(([^()]{1,60})\)|[♪♫]+")

_OUTSIDE_NAMES = frozenset('?!;,"“”„«»…=\\/')
_SMALL_WORDS = frozenset(
    ("al", "and", "bin", "da", "de", "del", "der", "di", "du", "el", "la", "le", "of", "the", "van", "von")
)


def read_line(line: str) -> Spoken | None:
    """Parse speaker, text, times and cues of a line; None if it names nobody and has no time in brackets.

    >>> read_line("[00:01:02] Ana (sighs): You are late: again.")
    Spoken(speaker='Ana', text='You are late: again.', cues=('sighs',), start='00:01:02', end=None)
    >>> read_line("see you at 10:30") is None
    True
    """
    for pattern in (_BRACKETED_TIME, _BARE_TIME):
        stamp = pattern.match(line)
        if stamp is None:
            continue
        start, end = [*(group for group in stamp.groups() if group), None, None][:2]
        named = read_name(line[stamp.end() :])
        if named is not None:
            return named._replace(start=start, end=end)
        if pattern is _BRACKETED_TIME:
            return Spoken(None, line[stamp.end() :], (), start, end)
    return read_name(line)


def read_name(line: str) -> Spoken | None:
    """Parse a line as a name, a colon and text; None if the words before the first colon cannot be a name.

    >>> read_name("DR. RAY: Sit down."), read_name("One more thing: sit down.")
    (Spoken(speaker='DR. RAY', text='Sit down.', cues=(), start=None, end=None), None)
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
    inside = re.findall(r"[\[(]\s?([^\[\]()]{1,40}?)\s?[\])]", found[2])
    times = [words for words in inside if re.fullmatch(CLOCK, words)]
    cues = tuple(words for words in inside if words not in times and _is_cue(words))
    return Spoken(name, text.removeprefix("**").strip(), cues, *times[:1])


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
    """Whether words may be a name: at most five words. If several have letters, only particles may be in lower case."""
    words = name.split()
    if len(words) > MAX_NAME_WORDS or _OUTSIDE_NAMES & set(name):
        return False
    lettered = [word for word in words if any(letter.isalpha() for letter in word)]
    lower = [word for word in lettered if word[0].islower() and word not in _SMALL_WORDS]
    return len(lettered) == 1 or (bool(lettered) and not lower)


def _may_follow(text: str, colon: str) -> bool:
    """Whether the text after a colon may be speech, rather than the rest of a time, an address or a smiley."""
    if not text or text[0].isspace() or colon.endswith("："):
        return True
    return not colon[0].isspace() and (text[0].isalpha() or text[0] in "\"'“‘„«*[(…¿¡")
