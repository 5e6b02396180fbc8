"""Reader for text exports of KakaoTalk on computers: `[Ana] [오후 7:02] words`, with a line for each day.

The exports of phones (`2025년 1월 4일 오후 7:02, Ana : words`) are read as those of WhatsApp.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from fliptrace.transcripts.chats.clock import CLOCK, at, read_clock, read_day
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source

_DAY = re.compile(
    r"-{5,}\s{1,3}"
    r"(?:(\d{4}년 \d{1,2}월 \d{1,2}일)|[^\W\d_]{3,12}, ([^\W\d_]{3,12} \d{1,2}, \d{4})).{0,20}?-{5,}\s*"
)
_MESSAGE = re.compile(rf"\[([^\[\]]{{1,80}})\] \[({CLOCK})\] ?(.*)", re.IGNORECASE)
_MEDIA = re.compile(
    r"(?:사진|동영상|이모티콘|음성메시지|파일: .{1,200}|사진 \d{1,2}장"
    r"|Photo|Video|Emoticons?|Sticker|Voice Note|File: .{1,200})\s*"
)
_DELETED = re.compile(r"(?:삭제된 메시지입니다\.?|This message was deleted\.?)\s*")


def read_kakaotalk(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per message."""
    source.refuse_part("a KakaoTalk chat")
    today = date(2000, 1, 1)
    messages: list[tuple[int, re.Match[str], date, list[str]]] = []
    for number, line in enumerate(source.lines, start=1):
        message = _MESSAGE.fullmatch(line) if line.startswith("[") else None
        day = _DAY.fullmatch(line) if line.startswith("-----") and len(line) < 120 else None
        if message is not None:
            messages.append((number, message, today, [message[3]]))
        elif day is not None:
            today = read_day(day[1] or day[2], "dmy") or today
        elif messages:
            messages[-1][3].append(line)
        elif line.strip():
            source.leave_out(f"line {number}", line, "lines of the header")
    if not messages:
        raise source.error("", "found no messages; expected lines such as '[Ana] [오후 7:02] words'")
    for number, message, day_of_message, lines in messages:
        text, place = "\n".join(lines).strip(), f"line {number}"
        if _MEDIA.fullmatch(text):
            source.leave_out(place, text, "media")
        elif _DELETED.fullmatch(text):
            source.leave_out(place, text, "deleted messages")
        else:
            yield RawUtterance(place, text, message[1], at(day_of_message, read_clock(message[2])))


def _sniff(source: Source) -> Evidence:
    lines = [line for line in source.first_lines(300) if line.strip()]
    num_days = sum(_DAY.fullmatch(line) is not None for line in lines if len(line) < 120)
    num_messages = sum(_MESSAGE.fullmatch(line) is not None for line in lines)
    if not num_messages or (not num_days and 2 * num_messages < len(lines)):
        return NO_EVIDENCE
    seen = f"{num_messages} lines with a name and a time in brackets, {num_days} with a date"
    return Evidence(0.9 if num_days else 0.5, seen)


READER = Reader(
    "kakaotalk",
    (".txt",),
    _sniff,
    read_kakaotalk,
    title="KakaoTalk on computers",
    example="--------------- 2025년 1월 4일 토요일 ---------------\n[Ana] [오후 7:02] 늦었어\n[Ben] [오후 7:03] 미안해",
    is_chat=True,
)
