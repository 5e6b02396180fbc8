"""Reader for messages.html of Telegram Desktop, the export that it makes unless JSON is chosen.

A message without a name is from the sender of the one above it. Long chats are split over messages.html,
messages2.html and so on; each is a file of its own here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fliptrace.transcripts.chats.clock import at, read_clock, read_day
from fliptrace.transcripts.chats.conversations import text_from_html
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source

_MESSAGE = re.compile(r'<div class="message (default|service)([^"]{0,60})"(?: id="([^"]{0,40})")?>')
_NAME = re.compile(r'<div class="from_name">')
_TEXT = re.compile(r'<div class="text(?: [^"]{0,40})?">')
_BODY = re.compile(r'<div class="body details">')
_MEDIA = re.compile(r'class="(?:media_wrap|media |photo_wrap|sticker_wrap|video_file_wrap|animated_wrap)')
_TIME = re.compile(r'title="(\d{1,2}\.\d{1,2}\.\d{4}) (\d{1,2}:\d\d:\d\d)[^"]{0,20}"')


def read_telegram_html(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per message with text."""
    source.refuse_part("a page of a Telegram chat")
    begins = list(_MESSAGE.finditer(source.text))
    if not begins:
        raise source.error("", "found no messages; expected messages.html of Telegram Desktop")
    speaker: str | None = None
    ends = [begin.start() for begin in begins[1:]] + [len(source.text)]
    for number, (begin, end) in enumerate(zip(begins, ends, strict=True), start=1):
        block = source.text[begin.end() : end]
        place = begin[3] or f"message {number}"
        if begin[1] == "service":
            source.leave_out(place, _inside(block, _BODY), "service messages and dates")
            continue
        if "joined" not in begin[2]:
            speaker = _inside(block, _NAME) or None
        text = _inside(block, _TEXT)
        has_media = _MEDIA.search(block) is not None
        if has_media:
            source.leave_out(place, "", "media")
        if not text and not has_media:
            source.leave_out(place, "", "messages without text")
        if not text:
            continue
        time = _TIME.search(block)
        moment = None if time is None else at(read_day(time[1], "dmy"), read_clock(time[2]))
        yield RawUtterance(place, text, speaker, moment)


def _inside(block: str, opening: re.Pattern[str]) -> str:
    """The text from the first such opening tag to the next `</div>`; these elements contain no other div."""
    found = opening.search(block)
    if found is None:
        return ""
    end = block.find("</div>", found.end())
    return text_from_html(block[found.end() : end if end >= 0 else None]).text


def _sniff(source: Source) -> Evidence:
    head = source.text[:20_000]
    if "<div class=" in head and "tgme" not in head and _MESSAGE.search(head) is not None:
        return Evidence(0.99, "messages as Telegram Desktop writes them in HTML")
    return NO_EVIDENCE


READER = Reader(
    "telegram-html",
    (".html", ".htm"),
    _sniff,
    read_telegram_html,
    title="Telegram Desktop, messages.html",
    example='<div class="message default clearfix" id="message1"><div class="body">'
    '<div class="date details" title="04.01.2025 19:02:00"></div><div class="from_name">Ana</div>'
    '<div class="text">You are late.</div></div></div>',
    is_chat=True,
)
