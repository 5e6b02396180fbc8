"""Candidates for names before a colon at the beginning of a line: `Name: words`, with stamps and cues next to them.

Whether it is a name is decided in `decisions`, by evidence over the whole file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from fliptrace.transcripts.plain.looks import key_of
from fliptrace.transcripts.plain.page import JOINERS, Line
from fliptrace.transcripts.plain.stamps import Stamp, Stamped, take_leading, take_trailing
from fliptrace.transcripts.plain.words import CUES, NAME_NOTES, ROLES

MAX_NAME = 60  # characters
MAX_WORDS = 6
_OUTSIDE = frozenset('?!;“”„«»…=\\"<>{}|[]~^%$€£')


class Head(NamedTuple):
    """The first line of an utterance: the speaker, the words, the time and the cues next to the name."""

    name: str | None
    text: str
    stamp: Stamp | None = None
    cues: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A prefix of a line that may be a name. `has_stamp` and `is_emphasised` tell how it is written."""

    index: int
    name: str
    key: str
    text: str
    has_stamp: bool
    is_emphasised: bool
    stamp: Stamp | None = None
    cues: tuple[str, ...] = ()


_COLON = re.compile(r"([^:：]{1,100}?)\s?([:：])")
_GROUP = re.compile(r"\s{0,9}[\[(]\s{0,3}([^\[\]()]{1,50}?)\s{0,3}[\])]\s{0,3}$")
BRACKETED_NAME = re.compile(r"[\[(<{【〔［]\s{0,3}([^\[\](){}<>【】]{1,60}?)\s{0,3}[\])>}】〕］]\s{0,3}([:：]?)\s{0,9}")
_DASH_FOLLOWS = re.compile(r"[-–—]{1,2}(?:\s|[^\W\d_]{2}|[\"“¿¡'])")  # `NAME:— words`, but not the smiley :-D
_CAPITAL_FOLLOWS = re.compile(r"[^\W\d_a-z](?:[^\W\d_]|['’\s])")  # `Name :Words`
_DIGIT = re.compile(r"\d")
_THREE_NUMBERS = re.compile(r"\d{1,2}:\d\d:\d\d")
_REST_OF_CLOCK = re.compile(r"\d\d(?::\d\d)?[\])]?")
STAMPED = re.compile(
    r"([^\d\[\](){}<>#:：][^\[\](){}<>#:：]{0,58}?(?:\s?\([^()\d:]{1,40}\))?)[\s,]{0,9}(?=[\[(<#{]\s?\d|"
    r"\b\d{1,4}[:/.\-]\d)"
)


def at_colon(index: int, line: Line) -> Candidate | None:
    """`Name: text`, with stamps, cues and notes next to the name."""
    body = line.body
    found = _COLON.match(body)
    if found is None:
        return _at_stamp(index, line) if line.stamp is None else None
    before, text = found[1], body[found.end() :]
    if before[-1:].isdigit() and text[:1].isdigit():
        if _REST_OF_CLOCK.fullmatch(text):  # a header: there is nothing but a stamp after the name
            return None
        return _at_stamp(index, line)
    if text.startswith("//") or not _may_follow(text, body[found.end() - 2 : found.end()]):
        return None
    text = text.lstrip("-–—") if text[:1] in ("-", "–", "—") else text
    after = take_stamp_after(text)
    stamp = line.stamp or after.stamp if after is not None else line.stamp
    text = after.rest if after is not None else text
    return _candidate(index, line, before, text, stamp)


def _at_stamp(index: int, line: Line) -> Candidate | None:
    """`Name (0:04): text`, `Name [0:04] text`, `Name 10:02 AM: text`."""
    found = STAMPED.match(line.body[:120]) if _DIGIT.search(line.body, 0, 120) else None
    if found is None:
        return None
    stamped = take_leading(line.body[found.end() :])
    if stamped is None or stamped.stamp.start is None:
        return None
    rest = stamped.rest.lstrip(" \t:：-–—*")
    bare = line.body[found.end()] not in "[(<#"
    joined = line.body[found.end() :][: len(line.body[found.end() :]) - len(stamped.rest)].rstrip()
    if bare and not joined.endswith((":", "：", "-", "–", "—", "|")) and not stamped.rest.startswith((":", "：")):
        return None
    if not rest and not joined.endswith((":", "：")) and not stamped.rest.startswith((":", "：")):
        return None  # a line of its own, which is a header
    return _candidate(index, line, found[1], rest, stamped.stamp)


def _candidate(index: int, line: Line, before: str, text: str, stamp: Stamp | None) -> Candidate | None:
    """A candidate for the words before a separator, unless they cannot be a name."""
    name, inner, cues = _peel(before)
    text = text.strip()
    if not text:  # ChatGPT as copied: `You said:` above the words
        name = name.removesuffix(" said")
    if not _is_no_cue(name):
        return None
    stamp = stamp or inner
    is_emphasised = bool(line.head) and name.startswith(line.head.split(":")[0][:20].strip("*_ "))
    said = text.removeprefix("**").strip()
    return Candidate(index, name, key_of(name), said, stamp is not None, is_emphasised, stamp, cues)


class _Peeled(NamedTuple):
    name: str
    stamp: Stamp | None
    cues: tuple[str, ...]


@lru_cache(maxsize=20_000)
def _peel(before: str) -> _Peeled:
    """Peel stamps, notes and cues off the words before a separator."""
    name, cues, stamp = before.strip().strip("*_").strip(), list[str](), None
    for _ in range(3):
        group = _GROUP.search(name) if name[-1:] in ("]", ")") else None
        if group is None or (not group.start() and group.end() == len(name)):
            break
        inside = group[1]
        if (leading := take_leading(inside)) is not None and not leading.rest.strip():
            stamp = stamp or leading.stamp
        elif _is_note(inside):
            break
        elif any(letter.isalpha() for letter in inside):
            cues.insert(0, inside)
        name = name[: group.start()].strip().strip("*_").strip()
    if (whole := BRACKETED_NAME.fullmatch(name)) is not None:
        name = whole[1]
    if (trailing := take_trailing(name)) is not None:
        name, stamp = trailing.rest.strip(), stamp or trailing.stamp
    return _Peeled(name.strip(" \t,|·•" + JOINERS).removesuffix(" -").strip(), stamp, tuple(cues))


@lru_cache(maxsize=20_000)
def _is_no_cue(name: str) -> bool:
    return is_possible(name) and not all(word.casefold().strip(".") in CUES for word in name.split())


def take_stamp_after(text: str) -> Stamped | None:
    """Split a text that begins with a stamp in brackets or of three numbers, as after a name."""
    start = text.lstrip()
    if start[:1] not in ("[", "(", "<", "#") and not (start[:1].isdigit() and _THREE_NUMBERS.match(start)):
        return None
    stamped = take_leading(start)
    return None if stamped is None or stamped.stamp.start is None else stamped


def _may_follow(text: str, colon: str) -> bool:
    """Whether the text after a colon may be speech, not the rest of a time, an address or a smiley."""
    if not text or text[0].isspace() or colon.endswith("："):
        return True
    if _DASH_FOLLOWS.match(text):
        return True
    if colon[0].isspace():
        return _CAPITAL_FOLLOWS.match(text) is not None
    return text[0].isalpha() or text[0] in "\"'“‘„«*[(<#…¿¡" or ord(text[0]) > 0x2600


def _is_note(words: str) -> bool:
    """Whether words in brackets belong to the name: (Ext), (she/her), (Acme GmbH); cues are in lower case."""
    plain = words.casefold().strip(" .")
    if plain in NAME_NOTES or any(letter.isdigit() for letter in plain):
        return not plain.startswith(("crosstalk", "inaudible"))
    parts = plain.split()
    if any(part.strip(".,'’") in CUES for part in parts) or len(parts) > 4:
        return False
    return words[0].isupper() or parts[-1] in ROLES


def is_possible(name: str) -> bool:
    """Whether a prefix could be a name at all, whatever the rest of the file says."""
    if not name or len(name) > MAX_NAME or _OUTSIDE & set(name) or "//" in name:
        return False
    words = name.split()
    if len(words) > MAX_WORDS or name.count(",") > 1 or name.startswith((",", ".", "'", ")", "-")):
        return False
    if not any(letter.isalnum() for letter in name):
        return any(ord(letter) > 0x2600 for letter in name) and len(name) <= 6
    return not (name.endswith((".", ",")) and len(words) > 4)
