"""Reader for messages.json of Skype's export (`messages.json#Name` if there are several conversations)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fliptrace.transcripts.chats.clock import from_iso
from fliptrace.transcripts.chats.conversations import (
    Conversation,
    choose,
    first_object,
    objects,
    text_from_html,
    text_in,
)
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source

_TEXT = frozenset(("text", "richtext"))


def read_skype(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per message of a conversation; calls, media and notices are left out."""
    value = source.json
    listed = value.get("conversations") if isinstance(value, dict) else value
    found = objects(listed, source, "conversations")
    chosen = choose(
        [
            Conversation(text_in(each.get("displayName")) or text_in(each.get("id")), text_in(each.get("id")), each)
            for each in found
            if each.get("MessageList") or each.get("messages") or len(found) == 1
        ],
        source,
    )
    messages = objects(chosen.content.get("MessageList", chosen.content.get("messages")), source, "messages")
    names = {text_in(each.get("from")): name for each in messages if (name := text_in(each.get("displayName")))}
    names.setdefault(chosen.id, chosen.name)
    for number, message in enumerate(messages, start=1):
        place = f"message {number}"
        said = text_from_html(text_in(message.get("content")))
        kind = text_in(message.get("messagetype")).casefold()
        if kind not in _TEXT:
            media = kind.startswith("richtext/") and kind != "richtext/link"
            source.leave_out(place, said.text, "media" if media else "system messages")
            continue
        for quote in said.quotes:
            source.leave_out(place, quote, "quoted messages")
        if not said.text.strip():
            source.leave_out(place, "", "deleted or empty messages")
            continue
        sender = text_in(message.get("from"))
        speaker = names.get(sender) or re.sub(r"^\d{1,2}:(?:live:)?", "", sender) or None
        yield RawUtterance(place, said.text, speaker, from_iso(message.get("originalarrivaltime")))


def _sniff(source: Source) -> Evidence:
    value = source.json_or_none
    first = first_object(value.get("conversations") if isinstance(value, dict) else value)
    message = first_object(first.get("MessageList", first.get("messages")))
    if (
        "originalarrivaltime" in message
        or "messagetype" in message
        or ("MessageList" in first and "exportDate" in value)
    ):
        return Evidence(0.95, "conversations with a MessageList, as Skype exports them")
    return NO_EVIDENCE


READER = Reader(
    "skype",
    (".json",),
    _sniff,
    read_skype,
    title="Skype, messages.json",
    example='{"conversations": [{"id": "8:ana", "displayName": "Ana", "MessageList": [{"messagetype": "RichText", '
    '"originalarrivaltime": "2025-01-04T19:02:00Z", "from": "8:ana", "content": "You are late."}]}]}',
    is_chat=True,
)
