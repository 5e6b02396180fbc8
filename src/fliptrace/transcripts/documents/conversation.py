"""Whether the text of a web page holds a conversation, so that error pages and forms are not read as speech."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from fliptrace.transcripts.source import Extracted
from fliptrace.transcripts.speech import read_name
from fliptrace.transcripts.times import CLOCK

_MAX_LINES = 5_000  # lines that are judged; the speakers of a conversation appear much earlier
_TIMED = re.compile(rf"\s{{0,9}}[\[(]?{CLOCK}[\])]?(?:\s|$)|.{{1,80}}\s[\[(]?{CLOCK}[\])]?\s*$|.{{0,20}}-->")
_STAMP = re.compile(rf"^\s{{0,9}}[\[(<]?{CLOCK}(?:\s?[-–—>]{{1,3}}\s?{CLOCK})?[\])>]?\s{{0,3}}[-–—:]?\s{{0,3}}")
_DASH = re.compile(r"\s{0,9}(?:[-–—]|>{1,3})\s{0,3}[^\W\d_]")
# Words before a colon on error pages and in forms.
_FIELDS = frozenset(
    (
        *("error", "error code", "code", "status", "status code", "message", "description", "details", "reason"),
        *("request id", "request", "reference", "ray id", "incident id", "support id", "url", "path", "referer"),
        *("time", "date", "timestamp", "ip", "your ip", "client ip", "host", "server", "user", "username"),
        *("user name", "password", "email", "e-mail", "login", "type", "note", "hint", "warning", "exception"),
        *("cause", "contact", "phone", "tel", "fax", "address", "version", "method", "file", "line"),
    )
)


def holds_conversation(page: Extracted, labels: Sequence[str]) -> bool:
    """Whether the text is a table, or has two marks of speakers: names, times or dashes. `labels` are words in bold."""
    if page.suffix == ".csv":
        return page.text.count("\n") > 1
    lines = [line for line in page.text.split("\n")[:_MAX_LINES] if line.strip()]
    names = Counter(_names(lines))
    if names.total() >= 2 and (max(names.values()) > 1 or names.total() * 2 >= len(lines)):
        return True
    timed = sum(_TIMED.match(line[:200]) is not None for line in lines)
    dashed = sum(_DASH.match(line) is not None for line in lines)
    if timed >= 2 or (dashed >= 2 and dashed * 2 >= len(lines)):
        return True
    named = Counter(label.casefold() for label in labels if label and len(label.split()) <= 4)
    return any(number > 1 for number in named.values()) and len(named) > 1 and named.total() * 4 >= len(lines)


def _names(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        spoken = read_name(_STAMP.sub("", line[:2_000], count=1))
        name = (spoken.speaker or "").casefold() if spoken is not None else ""
        if name and name not in _FIELDS:
            yield name
