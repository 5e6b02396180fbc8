"""Reader for Discord chats as DiscordChatExporter writes them in JSON; `headed` reads its plain text.

Source of the format: DiscordChatExporter (Tyrrrz), its JSON writer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from fliptrace.transcripts.chats.clock import from_iso
from fliptrace.transcripts.chats.conversations import first_object, objects, text_in
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source

_SPOKEN = frozenset(
    ("default", "reply", "0", "19", "threadstartermessage", "applicationcommand", "chatinputcommand", "")
)
_MENTION = re.compile(r"<(@!?|@&|#)(\d{5,25})>")
_EMOJI = re.compile(r"<a?(:\w{1,40}:)\d{5,25}>")


def read_discord(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per message with text; joins, pins, calls and media are left out."""
    source.refuse_part("a Discord channel")
    messages = objects(
        source.json.get("messages") if isinstance(source.json, dict) else source.json, source, "messages"
    )
    for number, message in enumerate(messages, start=1):
        place = f"message {number}"
        text = _plain(text_in(message.get("content")), message)
        if text_in(message.get("type")).casefold() not in _SPOKEN:
            source.leave_out(place, text, "system messages")
            continue
        for key, why in (("attachments", "media"), ("stickers", "media"), ("embeds", "embeds"), ("poll", "polls")):
            if message.get(key):
                source.leave_out(place, key, why)
        if not text.strip():
            if not any(message.get(key) for key in ("attachments", "stickers", "embeds", "poll")):
                source.leave_out(place, "", "messages without text")
            continue
        yield RawUtterance(place, text, _name(message.get("author")), from_iso(message.get("timestamp")))


def _name(author: object) -> str | None:
    if not isinstance(author, dict):
        return None
    keys = ("nickname", "global_name", "displayName", "name", "username", "id")
    return next((name for key in keys if (name := text_in(author.get(key)).strip())), None)


def _plain(text: str, message: dict[str, Any]) -> str:
    """Text with names in place of ids."""
    if "<" not in text:
        return text
    mentions = message.get("mentions")
    people = [each for each in mentions if isinstance(each, dict)] if isinstance(mentions, list) else []
    names = {text_in(each.get("id")): _name(each) for each in people}
    text = _MENTION.sub(lambda found: f"{found[1][0]}{names.get(found[2]) or found[2]}", text)
    return _EMOJI.sub(r"\1", text)


def _sniff(source: Source) -> Evidence:
    value = source.json_or_none
    first = first_object(value.get("messages") if isinstance(value, dict) else value)
    if not isinstance(first.get("author"), dict) or not {"timestamp", "content"} <= set(first):
        return NO_EVIDENCE
    if isinstance(value, dict) and ("guild" in value or "channel" in value):
        return Evidence(0.95, "a guild and a channel, as DiscordChatExporter writes them")
    return Evidence(0.75, "messages with author, content and timestamp, as in Discord")


READER = Reader(
    "discord",
    (".json",),
    _sniff,
    read_discord,
    title="Discord, DiscordChatExporter JSON",
    example='{"guild": {"name": "Home"}, "channel": {"name": "cake"}, "messages": [{"type": "Default", '
    '"timestamp": "2025-01-04T19:02:00+00:00", "content": "You are late.", "author": {"name": "ana"}}]}',
    is_chat=True,
)
