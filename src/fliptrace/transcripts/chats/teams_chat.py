"""Reader for the chats of Microsoft Teams as Microsoft Graph returns them (chatMessage)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fliptrace.transcripts.chats.clock import from_iso
from fliptrace.transcripts.chats.conversations import Unmarked, first_object, objects, text_from_html, text_in
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source


def read_teams_chat(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per message; system messages, deleted messages, files and cards are left out."""
    source.refuse_part("a Teams chat")
    for place, message in _messages(source):
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
        yield RawUtterance(place, said, _name(message.get("from")), from_iso(message.get("createdDateTime")))


def _messages(source: Source) -> Iterator[tuple[str, dict[str, Any]]]:
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


def _name(value: object) -> str | None:
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


def _sniff(source: Source) -> Evidence:
    value = source.json_or_none
    if isinstance(value, dict):
        value = value.get("value", value.get("messages"))
    first = first_object(value)
    if "createdDateTime" in first and isinstance(first.get("body"), dict):
        return Evidence(0.95, "messages with body and createdDateTime, as Microsoft Graph returns them")
    return NO_EVIDENCE


READER = Reader(
    "teams-chat",
    (".json",),
    _sniff,
    read_teams_chat,
    title="Microsoft Teams chat, Graph JSON",
    example='{"value": [{"messageType": "message", "createdDateTime": "2025-01-04T19:02:00Z", '
    '"from": {"user": {"displayName": "Ana"}}, "body": {"contentType": "html", "content": "<p>You are late.</p>"}}]}',
    is_chat=True,
)
