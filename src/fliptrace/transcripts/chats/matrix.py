"""Reader for Matrix rooms: Element's "Export chat" as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fliptrace.transcripts.chats.clock import from_unix
from fliptrace.transcripts.chats.conversations import first_object, objects, text_in
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source


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
        yield RawUtterance(place, text, _name(event), from_unix(event.get("origin_server_ts"), 1000))


def _edited_by(content: dict[str, Any]) -> str | None:
    relation = content.get("m.relates_to")
    if not isinstance(relation, dict) or relation.get("rel_type") != "m.replace":
        return None
    return text_in(relation.get("event_id")) or None


def _name(event: dict[str, Any]) -> str | None:
    return text_in(event.get("sender")).removeprefix("@").partition(":")[0] or None


def _sniff(source: Source) -> Evidence:
    value = source.json_or_none
    first = first_object(value.get("messages", value.get("chunk")) if isinstance(value, dict) else value)
    if "origin_server_ts" in first and "sender" in first:
        return Evidence(0.95, "events with sender and origin_server_ts, as in Matrix")
    return NO_EVIDENCE


READER = Reader(
    "matrix",
    (".json",),
    _sniff,
    read_matrix,
    title="Matrix, Element JSON export",
    example='{"messages": [{"type": "m.room.message", "sender": "@ana:home.org", "origin_server_ts": 1736013720000, '
    '"content": {"msgtype": "m.text", "body": "You are late."}}]}',
    is_chat=True,
)
