"""Reader for text files of imessage-exporter: a line with the date, a line with the sender, the lines of the message.

Source of the format: imessage-exporter (ReagentX), its txt export. It contains replies twice: indented below
the message they answer, and again in the order of time. An indented one is read only if the other is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from fliptrace.transcripts.chats.clock import CLOCK, at, read_clock, read_day
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source

_HEADER = re.compile(
    rf"([ \t]{{0,40}})([^\W\d_]{{3}} \d{{1,2}}, \d{{4}})\s{{1,2}}({CLOCK})"
    r"(?:\s\((?:Read|Delivered|Sent)[^()]{0,120}\))?(\s\S.*)?",
    re.IGNORECASE,
)
_TAPBACKS = re.compile(r"\s{0,40}(?:Tapbacks|Reactions):\s*")
_TAPBACK = re.compile(
    r"\s{0,40}(?:(?:Loved|Liked|Disliked|Laughed|Emphasized|Questioned)(?: by .*)?|\S{1,12} by .*|Sticker from .*)"
)
_EFFECT = re.compile(r"Sent with .{1,30}\s*")
_REPLY = re.compile(r"This message (?:responded|is a reply) to an earlier message\.?\s*")
_EDITED = re.compile(r"Edited (.{1,60}?) later: ?(.*)")
_UNSENT = re.compile(
    r".{1,60} unsent (?:a|this) message(?: part)?(?: .{1,40} after sending)?[.!]?"
    r"|This message was deleted from the conversation[.!]?",
    re.IGNORECASE,
)
_FILE = re.compile(
    r"(?:~|/|[A-Za-z]:[\\/]|attachments/)[^\n]{0,400}\.\w{2,5}"
    r"|Attachment missing!?|.{0,80}Attachment does not have a file name.{0,20}"
)
_SHARED = re.compile(r"(?:Started|Stopped) sharing location[.!]?|SharePlay Message\b.{0,60}", re.IGNORECASE)


@dataclass(slots=True)
class _Message:
    """A message with its place in the file; `depth` is its indentation."""

    line: int
    depth: int
    time: datetime | None
    notice: str
    lines: list[str] = field(default_factory=list)


def read_imessage(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per message; tapbacks, attachments and announcements are left out."""
    source.refuse_part("an iMessage export")
    messages = list(_messages(source))
    if not messages:
        raise source.error("", "found no line with a date and a time; expected one before each message")
    top = min(message.depth for message in messages)
    seen = {_key(message) for message in messages if message.depth == top}
    num_edited = 0
    for message in messages:
        place = f"line {message.line}"
        if message.notice:
            source.leave_out(place, message.notice, "system messages")
            continue
        if message.depth > top and _key(message) in seen:
            source.leave_out(place, "\n".join(message.lines), "replies that the file contains twice")
            continue
        if not message.lines:
            source.leave_out(place, "", "messages without text")
            continue
        speaker, *lines = message.lines
        said, edited = _said(lines, place, source)
        num_edited += edited
        if said:
            yield RawUtterance(place, "\n".join(said), speaker.strip(), message.time)
    if num_edited:
        source.notes.append(f"messages that were edited, read in their last version: {num_edited:,}")


def _messages(source: Source) -> Iterator[_Message]:
    current: _Message | None = None
    for number, line in enumerate(source.lines, start=1):
        found = _HEADER.fullmatch(line) if line[:80].strip()[3:4] == " " else None
        if found is not None:
            if current is not None:
                yield current
            time = at(read_day(found[2], "mdy"), read_clock(found[3]))
            current = _Message(number, len(found[1]), time, (found[4] or "").strip())
        elif line.strip() and current is not None:
            current.lines.append(line[current.depth :] if line[: current.depth].isspace() else line)
        elif line.strip():
            source.leave_out(f"line {number}", line, "lines before the first message")
    if current is not None:
        yield current


def _key(message: _Message) -> tuple[datetime | None, str]:
    return message.time, message.lines[0].strip() if message.lines else ""


def _said(lines: list[str], place: str, source: Source) -> tuple[list[str], bool]:
    """The lines that are speech, and whether the message was edited; the last version is the one that counts."""
    said: list[str] = []
    edited = in_tapbacks = False
    for line in lines:
        if _TAPBACKS.fullmatch(line):
            in_tapbacks = True
            continue
        if in_tapbacks and (line[:1].isspace() or _TAPBACK.fullmatch(line)):
            source.leave_out(place, line, "tapbacks")
            continue
        in_tapbacks = False
        version = _EDITED.fullmatch(line)
        if version is not None:
            for old in said:
                source.leave_out(place, old, "earlier versions of edited messages")
            said, edited = [version[2]], True
        elif why := _why_no_speech(line.strip()):
            source.leave_out(place, line, why)
        else:
            said.append(line.replace("\ufffc", " "))
    return [line for line in said if line.strip()], edited


def _why_no_speech(line: str) -> str:
    if _FILE.fullmatch(line):
        return "media"
    if _UNSENT.fullmatch(line):
        return "deleted messages"
    if _EFFECT.fullmatch(line) or _REPLY.fullmatch(line):
        return "remarks of the exporter"
    return "locations" if _SHARED.fullmatch(line) else ""


def _sniff(source: Source) -> Evidence:
    lines = source.first_lines(400)
    found = [(number, _HEADER.fullmatch(line)) for number, line in enumerate(lines) if len(line) < 200]
    headers = [(number, header) for number, header in found if header is not None]
    alone = [number for number, header in headers if header[4] is None]
    if not alone or any(line.strip() for line in lines[: headers[0][0]]):
        return NO_EVIDENCE
    has_sender = sum(number + 2 < len(lines) and bool(lines[number + 1].strip()) for number in alone)
    return Evidence(0.9, f"{has_sender} lines with a date and a time above a sender") if has_sender else NO_EVIDENCE


READER = Reader(
    "imessage",
    (".txt",),
    _sniff,
    read_imessage,
    title="iMessage, imessage-exporter text",
    example="Jan 04, 2025  7:02:00 PM\nAna\nYou are late.\n\nJan 04, 2025  7:03:00 PM\nBen\nThe train stood still.",
    is_chat=True,
)
