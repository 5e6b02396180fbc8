"""Readers for the JSON of Google Chat, Skype, Microsoft Teams (Graph) and Matrix (Element).

Sources of the formats: Google Takeout (Google Chat, messages.json), Skype's export (messages.json), Microsoft Graph
(chatMessage), Element ("Export chat", JSON).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from fliptrace.transcripts.chats.clock import CLOCK, at, from_iso, from_unix, read_clock, read_day
from fliptrace.transcripts.chats.conversations import (
    Conversation,
    Unmarked,
    choose,
    first_object,
    objects,
    text_from_html,
    text_in,
)
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source
from fliptrace.transcripts.tables.cells import name_of

# --- Google Chat ---

_GOOGLE_DATE = re.compile(
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
        yield RawUtterance(place, text, name, _google_time(message.get("created_date")))


def _google_time(value: object) -> datetime | None:
    """`Saturday, January 4, 2025 at 7:02:00 PM UTC`."""
    found = _GOOGLE_DATE.fullmatch(" ".join(text_in(value)[:100].split()))
    if found is None:
        return from_iso(value)
    return at(read_day(found[1], "dmy"), read_clock(found[2]))


def _sniff_google_chat(source: Source) -> Evidence:
    value = source.json_or_none
    first = first_object(value.get("messages")) if isinstance(value, dict) else {}
    if isinstance(first.get("creator"), dict) and "created_date" in first:
        return Evidence(0.95, "messages with creator and created_date, as Google Takeout writes them")
    return NO_EVIDENCE


# --- Skype ---

_SKYPE_TEXT = frozenset(("text", "richtext"))


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
        if kind not in _SKYPE_TEXT:
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


def _sniff_skype(source: Source) -> Evidence:
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


# --- Microsoft Teams ---


def read_teams_chat(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per message; system messages, deleted messages, files and cards are left out."""
    source.refuse_part("a Teams chat")
    for place, message in _teams_messages(source):
        body = message.get("body")
        content = text_in(body.get("content")) if isinstance(body, dict) else ""
        is_html = isinstance(body, dict) and text_in(body.get("contentType")).casefold() == "html"
        said, quotes = text_from_html(content) if is_html else Unmarked(content, [])
        if message.get("messageType", "message") != "message":
            source.leave_out(place, said, "system messages")
            continue
        if message.get("deletedDateTime"):
            source.leave_out(place, said, "deleted messages")
            continue
        for quote in quotes:
            source.leave_out(place, quote, "quoted messages")
        if message.get("attachments"):
            source.leave_out(place, "", "files and cards")
        if not said.strip():
            if not message.get("attachments"):
                source.leave_out(place, "", "messages without text")
            continue
        yield RawUtterance(place, said, _teams_name(message.get("from")), from_iso(message.get("createdDateTime")))


def _teams_messages(source: Source) -> Iterator[tuple[str, dict[str, Any]]]:
    value = source.json
    listed = (
        next((value[key] for key in ("value", "messages") if key in value), None) if isinstance(value, dict) else value
    )
    for number, message in enumerate(objects(listed, source, "messages"), start=1):
        yield f"message {number}", message
        replies = message.get("replies")
        for count, reply in enumerate(replies if isinstance(replies, list) else (), start=1):
            if isinstance(reply, dict):
                yield f"message {number} reply {count}", reply


def _teams_name(value: object) -> str | None:
    if not isinstance(value, dict):
        return None
    for key in ("user", "application", "device", "emailAddress"):
        identity = value.get(key)
        if isinstance(identity, dict):
            return (
                text_in(identity.get("displayName"))
                or text_in(identity.get("name"))
                or text_in(identity.get("id"))
                or None
            )
    return text_in(value.get("displayName")) or None


def _sniff_teams_chat(source: Source) -> Evidence:
    value = source.json_or_none
    if isinstance(value, dict):
        value = value.get("value", value.get("messages"))
    first = first_object(value)
    if "createdDateTime" in first and isinstance(first.get("body"), dict):
        return Evidence(0.95, "messages with body and createdDateTime, as Microsoft Graph returns them")
    return NO_EVIDENCE


# --- Matrix ---


def read_matrix(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per text message; the last version of an edited one, at its place."""
    source.refuse_part("a Matrix room")
    value = source.json
    events = objects(
        value.get("messages", value.get("chunk")) if isinstance(value, dict) else value, source, "messages"
    )
    contents = [event["content"] if isinstance(event.get("content"), dict) else {} for event in events]
    known = {text_in(event.get("event_id")) for event in events}
    edits = {target: content for content in contents if (target := _edited_by(content)) in known}
    for number, (event, content) in enumerate(zip(events, contents, strict=True), start=1):
        place = f"message {number}"
        text = text_in(content.get("body"))
        if event.get("type") != "m.room.message":
            source.leave_out(place, text or text_in(event.get("type")), "system messages and reactions")
            continue
        if _edited_by(content) in known:
            continue  # its text stands in place of the one it edits
        edit = content if _edited_by(content) is not None else edits.get(text_in(event.get("event_id")))
        if edit is not None:
            source.leave_out(place, text, "earlier versions of edited messages")
            new = edit.get("m.new_content")
            text = text_in(new.get("body")) if isinstance(new, dict) else text
        if content.get("msgtype") not in ("m.text", "m.emote", "m.notice", None):
            source.leave_out(place, text, "media")
            continue
        if not text.strip():
            source.leave_out(place, "", "deleted messages")
            continue
        relation = content.get("m.relates_to")
        quoted = isinstance(relation, dict) and "m.in_reply_to" in relation and text.startswith("> ")
        text = text.partition("\n\n")[2] or text if quoted else text
        yield RawUtterance(place, text, _matrix_name(event), from_unix(event.get("origin_server_ts"), 1000))


def _edited_by(content: dict[str, Any]) -> str | None:
    relation = content.get("m.relates_to")
    if not isinstance(relation, dict) or relation.get("rel_type") != "m.replace":
        return None
    return text_in(relation.get("event_id")) or None


def _matrix_name(event: dict[str, Any]) -> str | None:
    return text_in(event.get("sender")).removeprefix("@").partition(":")[0] or None


def _sniff_matrix(source: Source) -> Evidence:
    value = source.json_or_none
    first = first_object(value.get("messages", value.get("chunk")) if isinstance(value, dict) else value)
    if "origin_server_ts" in first and "sender" in first:
        return Evidence(0.95, "events with sender and origin_server_ts, as in Matrix")
    return NO_EVIDENCE


GOOGLE_CHAT = Reader(
    "google-chat",
    (".json",),
    _sniff_google_chat,
    read_google_chat,
    title="Google Chat, messages.json",
    example='{"messages": [{"creator": {"name": "Ana"}, "created_date": "Saturday, January 4, 2025 at 7:02:00 PM UTC", '
    '"text": "You are late."}]}',
    is_chat=True,
)
SKYPE = Reader(
    "skype",
    (".json",),
    _sniff_skype,
    read_skype,
    title="Skype, messages.json",
    example='{"conversations": [{"id": "8:ana", "displayName": "Ana", "MessageList": [{"messagetype": "RichText", '
    '"originalarrivaltime": "2025-01-04T19:02:00Z", "from": "8:ana", "content": "You are late."}]}]}',
    is_chat=True,
)
TEAMS = Reader(
    "teams-chat",
    (".json",),
    _sniff_teams_chat,
    read_teams_chat,
    title="Microsoft Teams chat, Graph JSON",
    example='{"value": [{"messageType": "message", "createdDateTime": "2025-01-04T19:02:00Z", '
    '"from": {"user": {"displayName": "Ana"}}, "body": {"contentType": "html", "content": "<p>You are late.</p>"}}]}',
    is_chat=True,
)
MATRIX = Reader(
    "matrix",
    (".json",),
    _sniff_matrix,
    read_matrix,
    title="Matrix, Element JSON export",
    example='{"messages": [{"type": "m.room.message", "sender": "@ana:home.org", "origin_server_ts": 1736013720000, '
    '"content": {"msgtype": "m.text", "body": "You are late."}}]}',
    is_chat=True,
)
