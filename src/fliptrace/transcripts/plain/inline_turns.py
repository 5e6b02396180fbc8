"""Turns that begin inside a line: `Ana: hi. Ben: ho. Ana: yes.`"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from fliptrace.transcripts.plain.decisions import sandwiched_keys
from fliptrace.transcripts.plain.looks import key_of, look_of
from fliptrace.transcripts.plain.prefixes import Candidate, Head
from fliptrace.transcripts.plain.stamps import take_bracketed
from fliptrace.transcripts.plain.words import words_of

_INSIDE = re.compile(
    r"(?:(?<=[.!?…।؟。！？])|(?<=[\"”’')\]])|(?<=[^\W\d_]))\s{1,9}"
    r"((?:[^\W\d_][\w'’.\-]{0,30})(?: [^\W_][\w'’.\-]{0,30}){0,3})\s?:(?=\s)"
)
_SENTENCE_ENDS = ".!?…।؟。！？\"”’')]"
_LEADING_IN = words_of(
    "told tell tells to asked ask asks said say says with and for from like about of at zu sagte sag fragte an der "
    "die und à dit a dijo y ko ne se the my our your his her their thank called call"
)


def names_inside(colons: Sequence[Candidate], wanted: frozenset[str]) -> dict[str, str]:
    """The names, by key, that begin turns inside lines in which the speakers alternate."""
    at_start = {each.key: each for each in colons}
    found: dict[str, str] = {}
    for first in colons:
        if ":" not in first.text:
            continue
        order = [first.name]
        for inside in _INSIDE.finditer(first.text):
            name = _longest_known(inside[1], at_start) or _last_name(
                inside[1], first.text[max(0, inside.start() - 9) : inside.start()]
            )
            if name and look_of(name) > 0:
                order.append(name)
        if len(order) == 1:
            continue
        keys = [key_of(name) for name in order]
        sandwiched = sandwiched_keys(keys)
        counts = Counter(keys)
        repeated = any(counts[key] >= 2 for key in counts)
        for name, key in zip(order, keys, strict=True):
            if repeated and len(counts) > 1 and (counts[key] >= 2 or sandwiched[key] or key in wanted):
                found.setdefault(key, name)
    return found


def _longest_known(words: str, known: Iterable[str]) -> str | None:
    parts = words.split()
    return next((name for i in range(len(parts)) if key_of(name := " ".join(parts[i:])) in known), None)


def _last_name(words: str, before: str) -> str | None:
    """The capitalised words right before the colon."""
    if before.rstrip()[-1:] in _SENTENCE_ENDS:
        return words
    parts = words.split()
    start = len(parts)
    while start and (parts[start - 1][0].isupper() or parts[start - 1].isdecimal()):
        start -= 1
        if start and parts[start - 1][-1] in _SENTENCE_ENDS:
            break
    if start == len(parts) and look_of(parts[-1]) == 3:  # a role in lower case
        return parts[-1]
    return " ".join(parts[start:]) or None


def split_turns(head: Head, names: dict[str, str]) -> list[Head]:
    """Split a text at the names in it. Names after words such as "told" belong to the text."""
    if ":" not in head.text or len(names) < 2:
        return [head]
    turns, begin, current = [], 0, head
    for found in _INSIDE.finditer(head.text):
        name = _longest_known(found[1], names)
        if name is None:
            continue
        start = found.end(1) - len(name) if head.text.endswith(name, 0, found.end(1)) else found.start(1)
        before = head.text[max(0, start - 40) : start].split()[-1:]
        if before and before[0][-1] not in _SENTENCE_ENDS and before[0].casefold().strip(",") in _LEADING_IN:
            continue
        said = head.text[begin:start].strip()
        stamped = take_bracketed(said)
        if stamped is not None:
            said = stamped.rest.strip()
        turns.append(current._replace(text=said))
        stamp = None if stamped is None else stamped.stamp
        current, begin = Head(names[key_of(name)], "", stamp), found.end()
    turns.append(current._replace(text=head.text[begin:].strip()))
    return turns
