"""Reader for the chat that Zoom saves of a meeting: `10:02:33 From Mara to Everyone:` and the words after or below it.

Reactions and the names of recipients are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from fliptrace.transcripts.chats.clock import DayClock, at, from_iso, read_clock
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source

_START = re.compile(
    r"\s?(?:(\d{4}-\d\d-\d\d)\s)?(\d{1,2}:\d\d(?::\d\d)?(?:\s?[AP]M)?)"
    r"(?:\s{1,5}(From|Von|De|Da|Van|Dari|От|Från|Fra|Od)\s{1,3}|\t(?=[^\t:]{1,80}:\t))",
    re.IGNORECASE,
)
# "to", "an", "à": a word between the two names, the second of which stands before a colon.
_TO = re.compile(
    r"([^:]{1,80}?)\s{1,3}(?:to|an|à|a|para|aan|ke|для|till|til|do|per)\s{1,3}([^:]{1,80}?)\s?:(?:\s|$)(.*)"
)
_ALONE = re.compile(r"(.{1,80}?)\s?:(?:\s|$)(.*)")
_REACTION = re.compile(
    r"(?:Reacted to [\"“].*[\"”] with .{1,40}|Removed an? .{1,40} reaction from [\"“].*|reacted with .{1,40})",
    re.DOTALL | re.IGNORECASE,
)
_REPLYING = re.compile(
    r"(?:Replying to|Antwort auf|En réponse à|Respondiendo a) [\"“].{0,300}?(?:[\"”]|\.\.\.[\"”]?)\s*(?:\n|$)",
    re.IGNORECASE,
)


class _Header(NamedTuple):
    """The line that begins a message: its date if it has one, its time, the sender, and text after the colon."""

    day: str | None
    clock: str
    name: str
    text: str


def read_zoom_chat(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per message."""
    source.refuse_part("a Zoom chat")
    messages: list[tuple[int, _Header, list[str]]] = []
    for number, line in enumerate(source.lines, start=1):
        header = _header(line)
        if header is not None:
            messages.append((number, header, [header.text]))
        elif messages:
            messages[-1][2].append(line.strip())
        elif line.strip():
            source.leave_out(f"line {number}", line, "lines before the first message")
    if not messages:
        raise source.error("", "found no line with a time and a sender; expected '10:02:33 From Ana to Everyone:'")
    clock = DayClock()
    num_replies = 0
    for number, header, lines in messages:
        since_midnight = read_clock(header.clock)
        day = from_iso(header.day)
        time = None if since_midnight is None else clock.moment(since_midnight)
        time = time if day is None else at(day.date(), since_midnight)
        text = "\n".join(lines).strip()
        reply = _REPLYING.match(text)
        if reply is not None:
            num_replies += 1
            text = text[reply.end() :]
        if _REACTION.fullmatch(text):
            source.leave_out(f"line {number}", text, "reactions")
        else:
            yield RawUtterance(f"line {number}", text, header.name.strip(), time)
    if num_replies:
        source.notes.append(f"quotations of the message replied to, removed from the text: {num_replies:,}")


def _header(line: str) -> _Header | None:
    if not line[:4].strip()[:1].isdigit():
        return None
    start = _START.match(line)
    if start is None:
        return None
    said = (_TO.fullmatch(line, start.end()) if start[3] else None) or _ALONE.fullmatch(line, start.end())
    return None if said is None else _Header(start[1], start[2], said[1], said[said.re.groups])


def _sniff(source: Source) -> Evidence:
    lines = [line for line in source.first_lines(200) if line.strip()]
    headers = [line for line in lines if _header(line) is not None]
    if not headers or _header(lines[0]) is None:
        return NO_EVIDENCE
    if all("\t" in line for line in headers):  # a recording's chat has no "From"
        return Evidence(0.85, f"{len(headers)} lines with a time, a tab, a name and a colon")
    return Evidence(0.9, f"{len(headers)} lines with a time and 'From NAME'")


READER = Reader(
    "zoom-chat",
    (".txt",),
    _sniff,
    read_zoom_chat,
    title="Zoom meeting chat",
    example="10:02:33 From Ana to Everyone:\n\tYou are late.\n10:02:40 From Ben to Everyone:\n\tThe train stood still.",
    is_chat=True,
)
