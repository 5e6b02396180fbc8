"""Reader for message_1.json of Facebook Messenger and Instagram, with and without end-to-end encryption.

Meta's export is newest first, and its letters beyond ASCII are UTF-8 bytes written as if they were Latin-1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from fliptrace.transcripts.chats.clock import from_unix
from fliptrace.transcripts.chats.conversations import first_object, objects, text_in
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source

_MEDIA = (
    *("photos", "videos", "gifs", "audio_files", "files", "sticker", "share", "media", "attachments"),
    "bumped_message_metadata",
)
_NOTICE = re.compile(
    r"(?:.{1,80} )?(?:"
    r"(?:set|changed|cleared|removed) (?:the|your|his|her|their|a) (?:own )?"
    r"(?:nickname|theme|emoji|quick reaction|group|chat).*"
    r"|set .{1,80} nickname.*|named the (?:group|poll).*|created (?:the group|a poll|the poll).*|voted for .*"
    r"|(?:added|removed) .{1,120} (?:to|from) the (?:group|chat)\.?|left the group\.?"
    r"|joined (?:the|a) (?:group|call|video).*"
    r"|(?:started|ended|missed) (?:an?|the|your) (?:audio |video |group )?(?:call|chat|video chat).*|called you\.?"
    r"|missed your (?:audio |video )?call.*|(?:audio|video) call ended.*"
    r"|sent (?:an attachment|a photo|a video|a gif|a sticker|a voice message|a link|a location)\.?"
    r"|reacted .{1,20} to (?:your|his|her|their|a|an|the) message ?|liked a message|(?:pinned|unsent) a message\.?"
    r"|(?:shared|sent) (?:a|an|the) (?:post|reel|story|location).{0,40}|turned (?:on|off) .*|is now an admin.*"
    r"|waved at .*"
    r"|are now connected on messenger\.?|can now message and call .*"
    r")",
    re.IGNORECASE,
)


def read_messenger(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per message with text; media, calls and notices are left out."""
    source.refuse_part("a Messenger chat")
    messages = objects(source.json.get("messages") if isinstance(source.json, dict) else None, source, "messages")
    repaired = 0
    for number, message in enumerate(messages, start=1):
        place = f"message {number}"
        written = text_in(message.get("content")) or text_in(message.get("text"))
        text, speaker = _repair(written), _repair(_speaker(message))
        repaired += text != written or speaker != _speaker(message)
        if message.get("is_unsent") or message.get("isUnsent"):
            source.leave_out(place, text, "deleted messages")
            continue
        if why := _why_no_speech(message, text, speaker):
            source.leave_out(place, text, why)
            continue
        media = next((key for key in _MEDIA if message.get(key)), None)
        if media is not None:
            source.leave_out(place, media, "media")
        if not text.strip():
            if media is None:
                source.leave_out(place, "", "messages without text")
            continue
        time = message.get("timestamp_ms", message.get("timestamp"))
        yield RawUtterance(place, text, speaker or None, from_unix(time, 1000))
    if repaired:
        source.notes.append(f"messages in which UTF-8 had been written as Latin-1, repaired: {repaired:,}")


def _speaker(message: dict[str, Any]) -> str:
    return text_in(message.get("sender_name")) or text_in(message.get("senderName"))


def _why_no_speech(message: dict[str, Any], text: str, speaker: str) -> str:
    kind = text_in(message.get("type")).casefold()
    if kind in ("call", "subscribe", "unsubscribe", "payment", "plan") or message.get("call_duration") is not None:
        return "system messages"
    starts_with_name = text.startswith((f"{speaker} ", f"{speaker.split(' ')[0]} ", "You ", "Reacted ", "Liked "))
    if starts_with_name and len(text) <= 300 and _NOTICE.fullmatch(text):
        return "reactions" if " react" in f" {text.casefold()}" else "system messages"
    return ""


def _repair(text: str) -> str:
    """Undo the reading of UTF-8 as Latin-1, if the text is nothing else.

    >>> _repair("caf\\u00c3\\u00a9"), _repair("caf\\u00e9")
    ('café', 'café')
    """
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def _sniff(source: Source) -> Evidence:
    value = source.json_or_none
    first = first_object(value.get("messages")) if isinstance(value, dict) else {}
    if {"sender_name", "timestamp_ms"} <= set(first) or {"senderName", "timestamp"} <= set(first):
        return Evidence(0.9, "messages with a sender name and a timestamp, as Messenger and Instagram export them")
    return NO_EVIDENCE


READER = Reader(
    "messenger",
    (".json",),
    _sniff,
    read_messenger,
    title="Facebook Messenger and Instagram",
    example='{"messages": [{"sender_name": "Ana", "timestamp_ms": 1736013720000, "content": "You are late."}]}',
    is_chat=True,
)
