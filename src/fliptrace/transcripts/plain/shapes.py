"""Candidates for names before a separator other than a colon: brackets, dashes, tabs, dots, bars, gaps, quotes.

They count only if most lines of a file have the same separator (`decisions.regular_keys`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from fliptrace.transcripts.plain.looks import key_of
from fliptrace.transcripts.plain.page import JOINERS, Line
from fliptrace.transcripts.plain.prefixes import BRACKETED_NAME, STAMPED, Candidate, is_possible, take_stamp_after
from fliptrace.transcripts.plain.stamps import Stamp, take_leading, take_trailing
from fliptrace.transcripts.plain.words import CUES, TITLE

_DASHED = re.compile(r"(\S[^:：]{0,50}?)(?:\s{1,20}[-–—]{1,3}|[–—])\s{1,20}(?=\S)")
_TABBED = re.compile(r"(\S[^\t]{0,59}?)\s?\t\s{0,20}(?=\S)")
_GAP = re.compile(r"(\S(?:[^\t:]{0,48}?\S)?)(?:\s{2,40}|\s?\t\s{0,40})(?=\S)")
_DOTTED = re.compile(
    rf"((?:{TITLE}\.\s)?(?!{TITLE}\.)"
    r"(?:[^\W\d_a-z]{1,2}|(?:[^\W\d_a-z][^\W\d_a-z'’\-]{1,20})(?: [^\W\d_a-z][^\W\d_a-z'’\-]{0,20}){0,3}))"
    r"(?:\s?\(([^()]{1,40})\))?\.\s{1,20}(?=\S)"
)
# NAME—words, NAME.—words, Name--words, Name.- words
_JOINED = re.compile(
    rf"((?:{TITLE}\.\s)?[^\W\d_][^:：—–.,!?\t]{{0,40}}?)(?:\s?\.?\s?(?:—|–|--)|\.-)\s{{0,9}}(?=[^\s—–-])"
)
_BARRED = re.compile(r"\|?\s{0,3}([^\s|>»][^|>»:]{0,48}?)\s{0,20}(?:\||>{1,2}|»)\s{1,9}(?=\S)")
_QUOTED = re.compile(r"([^\s「」『』:：]{1,20})\s?(?=[「『])")


def _at_bracket(index: int, line: Line) -> Candidate | None:
    """`[Name] text`, `<name> text`, `(speaker 0) text`, `[Name 0:04] text`."""
    found = BRACKETED_NAME.match(line.body)
    if found is None or not any(letter.isalpha() for letter in found[1]):
        return None
    name, text, stamp = found[1], line.body[found.end() :], line.stamp
    if (trailing := take_trailing(name)) is not None:
        name, stamp = trailing.rest, stamp or trailing.stamp
    if (after := take_stamp_after(text)) is not None:
        text, stamp = after.rest, stamp or after.stamp
    if {word.casefold().strip(".,") for word in name.split()} & CUES:
        return None
    return _plain_candidate(index, name, text, stamp)


def at_dash(index: int, line: Line) -> Candidate | None:
    return _by_pattern(_DASHED, index, line)


def at_tab(index: int, line: Line) -> Candidate | None:
    return _by_pattern(_TABBED, index, line)


def at_gap(index: int, line: Line) -> Candidate | None:
    return _by_pattern(_GAP, index, line)


def _at_dot(index: int, line: Line) -> Candidate | None:
    found = _by_pattern(_DOTTED, index, line)
    if found is None or not found.name.isupper():
        return None
    aside = _DOTTED.match(line.body)
    return replace(found, cues=(aside[2],)) if aside is not None and aside[2] else found


def at_joint(index: int, line: Line) -> Candidate | None:
    return _by_pattern(_JOINED, index, line)


def _at_quote(index: int, line: Line) -> Candidate | None:
    found = _by_pattern(_QUOTED, index, line)
    return None if found is None else replace(found, text=found.text.strip("「」『』"))


def _at_bar(index: int, line: Line) -> Candidate | None:
    found = _by_pattern(_BARRED, index, line)
    return None if found is None else replace(found, text=found.text.rstrip("| "))


def _at_emphasis(index: int, line: Line) -> Candidate | None:
    if not line.head or not line.body.startswith(line.head) or len(line.head) == len(line.body):
        return None
    text = line.body[len(line.head) :].lstrip(" :–—-")
    after = take_stamp_after(text)
    return _plain_candidate(
        index, line.head, after.rest if after else text, line.stamp or (after.stamp if after else None)
    )


def _at_bare_stamp(index: int, line: Line) -> Candidate | None:
    """`Name 0:04 text`, without a colon after the stamp."""
    found = STAMPED.match(line.body[:120])
    stamped = None if found is None else take_leading(line.body[found.end() :])
    if found is None or stamped is None or not stamped.rest.strip():
        return None
    return _plain_candidate(index, found[1], stamped.rest, line.stamp or stamped.stamp)


def _by_pattern(pattern: re.Pattern[str], index: int, line: Line) -> Candidate | None:
    found = pattern.match(line.body)
    if found is None:
        return None
    name, text, stamp = found[1], line.body[found.end() :], line.stamp
    if (trailing := take_trailing(name)) is not None:
        name, stamp = trailing.rest, stamp or trailing.stamp
    if (after := take_leading(text)) is not None and after.rest.strip():
        text, stamp = after.rest, stamp or after.stamp
    return _plain_candidate(index, name.rstrip(":"), text, stamp)


def _plain_candidate(index: int, name: str, text: str, stamp: Stamp | None) -> Candidate | None:
    name = name.strip(" \t,*_" + JOINERS)
    if not is_possible(name) or not text.strip():
        return None
    return Candidate(index, name, key_of(name), text.strip(), stamp is not None, False, stamp)


SHAPES: tuple[Callable[[int, Line], Candidate | None], ...] = (
    *(_at_bracket, at_tab, _at_emphasis, _at_bare_stamp, at_dash, at_joint, _at_dot, _at_bar, at_gap, _at_quote),
)
