"""Reader for conversations.json of Claude (`conversations.json#Name` if there are several)."""

from __future__ import annotations

from collections.abc import Iterator

from fliptrace.transcripts.chats.clock import from_iso
from fliptrace.transcripts.chats.conversations import Conversation, choose, first_object, objects, text_in
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source


def read_claude(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per message of a Claude conversation."""
    value = source.json
    found = objects(value if isinstance(value, list) else [value], source, "conversations")
    named = [Conversation(text_in(each.get("name")), text_in(each.get("uuid")), each) for each in found]
    chosen = choose([each for each in named if "chat_messages" in each.content], source)
    for number, message in enumerate(objects(chosen.content["chat_messages"], source, "messages"), start=1):
        place = f"message {number}"
        parts = message.get("content")
        listed = [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
        said = [text_in(part.get("text")) for part in listed if part.get("type") == "text"]
        text = "\n".join(filter(None, said)) or text_in(message.get("text"))
        for part in listed:
            if part.get("type") != "text":
                source.leave_out(place, text_in(part.get("type")), "thoughts and tool messages")
        if message.get("attachments") or message.get("files"):
            source.leave_out(place, "", "media")
        if text.strip():
            speaker = text_in(message.get("sender")) or None
            yield RawUtterance(place, text, speaker, from_iso(message.get("created_at")))


def _sniff(source: Source) -> Evidence:
    value = source.json_or_none
    first = value if isinstance(value, dict) else first_object(value)
    if not isinstance(first.get("chat_messages"), list):
        return NO_EVIDENCE
    return Evidence(0.95, "a conversation with chat_messages, as Claude exports it")


READER = Reader(
    "claude",
    (".json",),
    _sniff,
    read_claude,
    title="Claude, conversations.json",
    example='[{"uuid": "1", "name": "Trains", "chat_messages": [{"sender": "human", "text": "Why are you late?"}]}]',
    is_chat=True,
)
