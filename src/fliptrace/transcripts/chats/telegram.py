"""Reader for result.json of Telegram Desktop: one chat, or the full export with many chats (`result.json#Name`).

Source of the format: Telegram Desktop, "Export chat history" and "Export Telegram data", machine-readable JSON.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fliptrace.transcripts.chats.clock import from_iso, from_unix
from fliptrace.transcripts.chats.conversations import Conversation, choose, first_object, objects, text_in
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source

_MEDIA = (
    *("photo", "file", "media_type", "sticker_emoji", "location_information", "contact_information", "poll"),
    *("game_title", "invoice_information", "live_location_period_seconds", "dice", "todo_list", "paid_media"),
)


def read_telegram(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per message with text; service messages and media are left out."""
    chat = choose(_chats(source), source).content
    messages = objects(chat.get("messages"), source, "messages")
    has_unix = all(each.get("date_unixtime") is not None for each in messages)
    for number, message in enumerate(messages, start=1):
        place = f"message {number}"
        text = _text(message.get("text"))
        if not text.strip():
            text = _text(message.get("text_entities"))
        if message.get("type") not in ("message", None):
            source.leave_out(place, text or text_in(message.get("action")), "service messages")
            continue
        media = next((key for key in _MEDIA if message.get(key)), None)
        if media is not None:
            source.leave_out(place, text_in(message[media]) or media, "polls" if media == "poll" else "media")
        if not text.strip():
            if media is None:
                source.leave_out(place, "", "messages without text")
            continue
        time = from_unix(message["date_unixtime"]) if has_unix else from_iso(message.get("date"))
        yield RawUtterance(place, text, _speaker(message), time)


def _chats(source: Source) -> list[Conversation]:
    value = source.json
    lists = [value.get(key) for key in ("chats", "left_chats")] if isinstance(value, dict) else []
    chats = [chat for each in lists if isinstance(each, dict) for chat in objects(each.get("list"), source, "chats")]
    if isinstance(value, dict) and "messages" in value:
        chats = [value]
    if not chats:
        raise source.error("", "found no chats; expected an object with messages, or with a list of chats")
    return [Conversation(text_in(chat.get("name")) or _kind(chat), text_in(chat.get("id")), chat) for chat in chats]


def _kind(chat: dict[str, Any]) -> str:
    """Chats without a name: saved messages, and those with deleted accounts."""
    return text_in(chat.get("type")).replace("_", " ")


def _speaker(message: dict[str, Any]) -> str | None:
    """The name of the sender; deleted accounts have none, and go by their id."""
    return text_in(message.get("from")) or text_in(message.get("from_id")) or None


def _text(value: object) -> str:
    """Text is a string, or a list of strings and objects (bold, links, mentions) that have a text each."""
    if not isinstance(value, list):
        return text_in(value)
    return "".join(text_in(part.get("text")) if isinstance(part, dict) else text_in(part) for part in value)


def _sniff(source: Source) -> Evidence:
    value = source.json_or_none
    if not isinstance(value, dict):
        return NO_EVIDENCE
    chats = value.get("chats")
    if isinstance(chats, dict) and isinstance(chats.get("list"), list):
        return Evidence(0.9, "a list of chats as Telegram Desktop exports it")
    first = first_object(value.get("messages"))
    if (
        "id" in first
        and "date" in first
        and ({"from", "from_id", "actor", "text_entities", "date_unixtime"} & set(first))
    ):
        return Evidence(0.9, "messages with id, date and from, as Telegram Desktop exports them")
    return NO_EVIDENCE


READER = Reader(
    "telegram",
    (".json",),
    _sniff,
    read_telegram,
    title="Telegram Desktop, result.json",
    example='{"name": "Cake", "messages": [{"id": 1, "type": "message", "date": "2025-01-04T19:02:00", '
    '"from": "Ana", "from_id": "user1", "text": "You are late."}]}',
    is_chat=True,
)
