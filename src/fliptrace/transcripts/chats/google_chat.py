"""Reader for messages.json of Google Chat, as Google Takeout writes it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from fliptrace.transcripts.chats.clock import CLOCK, at, from_iso, read_clock, read_day
from fliptrace.transcripts.chats.conversations import first_object, objects, text_in
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source
from fliptrace.transcripts.tables.cells import name_of

_DATE = re.compile(
    rf"(?:[^\W\d_]{{3,20}},?\s)?([^\W\d_]{{3,12}}\.?\s\d{{1,2}},?\s\d{{4}}|\d{{1,2}}\.?\s(?:de\s)?[^\W\d_]{{3,12}}\.?,?\s(?:de\s)?\d{{4}})"
    rf",?\s(?:[^\W\d_]{{1,3}}\s)?({CLOCK})(?:\s\S{{1,6}})?",
    re.IGNORECASE,
)


def read_google_chat(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per message with text."""
    source.refuse_part("a Google Chat conversation")
    messages = objects(source.json.get("messages") if isinstance(source.json, dict) else None, source, "messages")
    for number, message in enumerate(messages, start=1):
        place = f"message {number}"
        text = text_in(message.get("text"))
        if message.get("message_state") == "DELETED" or message.get("deletion_metadata"):
            source.leave_out(place, text, "deleted messages")
            continue
        if message.get("attached_files"):
            source.leave_out(place, "", "files")
        if not text.strip():
            if not message.get("attached_files"):
                source.leave_out(place, "", "messages without text")
            continue
        creator = message.get("creator")
        name = (name_of(creator) or text_in(creator.get("email")) or None) if isinstance(creator, dict) else None
        yield RawUtterance(place, text, name, _time(message.get("created_date")))


def _time(value: object) -> datetime | None:
    """`Saturday, January 4, 2025 at 7:02:00 PM UTC`."""
    found = _DATE.fullmatch(" ".join(text_in(value)[:100].split()))
    if found is None:
        return from_iso(value)
    return at(read_day(found[1], "dmy"), read_clock(found[2]))


def _sniff(source: Source) -> Evidence:
    value = source.json_or_none
    first = first_object(value.get("messages")) if isinstance(value, dict) else {}
    if isinstance(first.get("creator"), dict) and "created_date" in first:
        return Evidence(0.95, "messages with creator and created_date, as Google Takeout writes them")
    return NO_EVIDENCE


READER = Reader(
    "google-chat",
    (".json",),
    _sniff,
    read_google_chat,
    title="Google Chat, messages.json",
    example='{"messages": [{"creator": {"name": "Ana"}, "created_date": "Saturday, January 4, 2025 at 7:02:00 PM UTC", '
    '"text": "You are late."}]}',
    is_chat=True,
)
