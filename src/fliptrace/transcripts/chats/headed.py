"""Reader for chats with a line of date, time and name above each message.

`[1/4/2025 7:02 PM] ana` is what DiscordChatExporter writes, and what one copies from Microsoft Teams; `Ana, [04.01.2025
19:02]` is what one copies from Telegram; `2025-01-04 19:02:10 Ana` is what QQ and WeChat exporters write.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from fliptrace.transcripts.chats.clock import CLOCK, DATE, at, find_order, read_clock, read_date, read_day
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source

_SAMPLE_LINES = 400
_WHEN = rf"(?P<date>{DATE}),?\s(?:[^\W\d_]{{1,3}}\s)?(?P<clock>{CLOCK})"
_STYLES = {
    "before": re.compile(
        rf"(?:From: )?\[{_WHEN}\]\s(?P<name>[^\s:][^:]{{0,80}}?)(?:\s\(pinned\))?:?\s*", re.IGNORECASE
    ),
    "after": re.compile(rf"(?P<name>[^\s,][^\n\[\]]{{0,80}}?),\s\[{_WHEN}(?:\sUTC\S{{0,6}})?\]:?\s*", re.IGNORECASE),
    "open": re.compile(rf"{_WHEN}\s(?P<name>[^\s:,;\"][^:,;\"\t]{{0,40}}?)\s*", re.IGNORECASE),
}
_RULE = re.compile(r"={20,}\s*")
_SECTION = re.compile(r"\{(Attachments|Embed|Stickers|Reactions|Poll|Forwarded Message)\}\s*", re.IGNORECASE)
_EVENTS = re.compile(
    r"(?:(?:Added|Removed) .{1,100} (?:to|from) the (?:group|thread)\.|Left the (?:group|thread)\.|Pinned a message\."
    r"|Started a call that lasted .{1,40}|Changed the channel (?:name|icon).{0,120}|Joined the (?:server|thread)\."
    r"|Started a thread\.)\s*"
)


class _Message(NamedTuple):
    """A message: the line it begins on, its date, time and sender as written, and the lines below."""

    line: int
    date: str
    clock: str
    name: str
    lines: list[str]


def read_headed(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per message: the lines below a line with date, time and name."""
    source.refuse_part("this chat")
    messages = list(_messages(source))
    if not messages:
        raise source.error(
            "", "found no line with a date, a time and a name; expected lines such as '[1/4/2025 7:02 PM] Ana'"
        )
    dates = [written for message in messages if (written := read_date(message.date)) is not None]
    is_american = any("m" in message.clock.casefold() for message in messages[:10])
    order = find_order(dates, "mdy" if is_american else "dmy")
    if not order.is_certain:
        source.notes.append(order.note(messages[0].date))
    for message in messages:
        text = "\n".join(message.lines).strip()
        place = f"line {message.line}"
        if _EVENTS.fullmatch(text):
            source.leave_out(place, text, "system messages")
        elif text:
            time = at(read_day(message.date, order.order), read_clock(message.clock))
            yield RawUtterance(place, text, _without_number(message.name), time)
        else:
            source.leave_out(place, message.name, "messages without text")


def _messages(source: Source) -> Iterator[_Message]:
    """The messages. Lines outside of them, and the sections that Discord adds to them, are left out."""
    style = _style(source)
    message: _Message | None = None
    section = ""
    for number, line in enumerate(source.lines, start=1):
        found = _STYLES[style].fullmatch(line.strip()) if len(line) < 200 else None
        opened = _SECTION.fullmatch(line)
        if found is not None or _RULE.fullmatch(line):
            if message is not None:
                yield message
            message, section = None, ""
            if found is not None:
                message = _Message(number, found["date"], found["clock"], found["name"], [])
        elif message is None:
            if line.strip():
                source.leave_out(f"line {number}", line, "lines of the header or footer")
        elif opened is not None:
            section = opened[1].casefold()
        elif section in ("", "forwarded message"):
            message.lines.append(line)
        elif line.strip():
            source.leave_out(f"line {number}", line, "reactions" if section == "reactions" else "media")
    if message is not None:
        yield message


def _style(source: Source) -> str:
    counts = _headers(source)
    return max(_STYLES, key=lambda style: counts[style])


def _headers(source: Source) -> Counter[str]:
    """How many of the first lines are headers of each style."""
    lines = [line.strip() for line in source.first_lines(_SAMPLE_LINES) if 12 < len(line) < 200]
    return Counter(style for line in lines for style, pattern in _STYLES.items() if pattern.fullmatch(line))


def _without_number(name: str) -> str:
    """The name without the four digits that Discord once added, or the account number that QQ adds."""
    return re.sub(r"(?:#\d{4}|[(<]\w{4,}(?:@[\w.]+)?[)>])$", "", name.strip()).strip() or name


def _sniff(source: Source) -> Evidence:
    counts = _headers(source)
    style = max(_STYLES, key=lambda each: counts[each])
    if not counts[style]:
        return NO_EVIDENCE
    lines = source.first_lines(_SAMPLE_LINES)
    if any(_RULE.fullmatch(line) for line in lines[:3]) and any(line.startswith("Channel:") for line in lines[:6]):
        return Evidence(0.98, "the header of DiscordChatExporter")
    num_lines = sum(bool(line.strip()) for line in lines)
    if 5 * counts[style] < num_lines or (style == "open" and counts[style] < 2):
        return NO_EVIDENCE
    seen = f"{counts[style]} of {num_lines} lines have a date, a time and a name, and nothing else"
    return Evidence(0.55 if style == "open" else 0.75, seen)


READER = Reader(
    "headed-chat",
    (".txt",),
    _sniff,
    read_headed,
    title="Discord text export; messages copied from Teams and Telegram",
    example="[1/4/2025 7:02 PM] ana\nYou are late.\n\n[1/4/2025 7:03 PM] ben\nThe train stood still.",
    is_chat=True,
)
