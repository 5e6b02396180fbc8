"""Reader for text exports of LINE: a line with the date, then lines of time, name and text with tabs between them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import NamedTuple

from fliptrace.transcripts.chats.clock import CLOCK, DATE, at, find_order, read_clock, read_date, read_day
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source

_DAY = re.compile(rf"(?:[^\W\d_]{{2,10}}\.?,?\s)?({DATE})(?:\s?\(?[^\W\d_]{{1,10}}\.?\)?)?\s*")
_MESSAGE = re.compile(rf"({CLOCK})\t([^\t]{{0,80}})(?:\t(.*))?", re.IGNORECASE)
_MEDIA = re.compile(
    r"\[(?:Photos?|Videos?|Stickers?|Voice message|File|Contact|Location|Album|Note|Gift|Poll|写真|動画|スタンプ"
    r"|ボイスメッセージ"
    r"|ファイル|連絡先|位置情報|アルバム|ノート|照片|影片|貼圖|語音訊息|檔案|聯絡資訊|位置訊息|사진|동영상|스티커|음성메시지|파일"
    r"|รูป|วิดีโอ|สติกเกอร์)\]\s*",
    re.IGNORECASE,
)
_CALL = re.compile(r"☎.*|(?:Missed|Canceled|Cancelled) call\b.*|Call time \d.*|通話時間.*|不在着信.*", re.IGNORECASE)


class _Message(NamedTuple):
    """A message: its place, sender and time, and its lines."""

    place: str
    name: str
    time: datetime | None
    lines: list[str]


def read_line_chat(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per message; stickers, calls and notices are left out."""
    source.refuse_part("a LINE chat")
    days = [day for line in source.lines if (day := _day_in(line)) is not None]
    dates = [written for day in days if (written := read_date(day[1])) is not None]
    order = find_order(dates, "mdy" if "Chat history" in source.first_lines(1)[0] else "dmy")
    if not order.is_certain:
        source.notes.append(order.note(days[0][1]))
    today: date | None = None
    opened: _Message | None = None  # a message that may go on
    for number, line in enumerate(source.lines, start=1):
        place = f"line {number}"
        found = _MESSAGE.fullmatch(line) if line[:14].find("\t") > 0 else None
        day = None if found is not None else _day_in(line)
        if (found is not None or day is not None) and opened is not None:
            yield from _utterance(opened, source)
            opened = None
        if day is not None:
            today = read_day(day[1], order.order)
        elif found is not None and found[3] is not None and found[2].strip():
            time = at(today or date(2000, 1, 1), read_clock(found[1]))
            opened = _Message(place, found[2].strip(), time, [found[3]])
        elif found is not None:
            source.leave_out(place, line, "system messages")
        elif opened is not None:
            opened.lines.append(line)
        elif line.strip():
            source.leave_out(place, line, "lines of the header")
    if opened is not None:
        yield from _utterance(opened, source)


def _utterance(message: _Message, source: Source) -> Iterator[RawUtterance]:
    place, text = message.place, "\n".join(message.lines).strip()
    if len(message.lines) > 1 and text.startswith('"') and text.endswith('"'):  # text of several lines stands in quotes
        text = text[1:-1].replace('""', '"')
    if _MEDIA.fullmatch(text):
        source.leave_out(place, text, "media")
    elif _CALL.fullmatch(text):
        source.leave_out(place, text, "calls")
    else:
        yield RawUtterance(place, text, message.name, message.time)


def _day_in(line: str) -> re.Match[str] | None:
    return _DAY.fullmatch(line) if 6 <= len(line) <= 40 else None


def _sniff(source: Source) -> Evidence:
    lines = [line for line in source.first_lines(200) if line.strip()]
    num_messages = sum(_MESSAGE.fullmatch(line) is not None for line in lines if len(line) < 2000)
    num_days = sum(_day_in(line) is not None for line in lines)
    if not num_messages:
        return NO_EVIDENCE
    if lines[0].lstrip("\ufeff").startswith("[LINE]"):
        return Evidence(0.98, "[LINE]")
    if not num_days:
        return NO_EVIDENCE
    return Evidence(0.85, f"{num_days} lines with a date, {num_messages} with a time and a tab")


READER = Reader(
    "line",
    (".txt",),
    _sniff,
    read_line_chat,
    title="LINE chat history",
    example="2025/01/04(Sat)\n19:02\tAna\tYou are late.\n19:03\tBen\tThe train stood still.",
    is_chat=True,
)
