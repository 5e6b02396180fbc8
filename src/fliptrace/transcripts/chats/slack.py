"""Reader for Slack: a day of a channel in a workspace export, or the messages that its API returns.

Messages name users by id. Their names are in the profiles of their messages; a user without any goes by the id.
Source of the format: Slack help, "How to read Slack data exports".
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

from fliptrace.transcripts.chats.clock import from_unix
from fliptrace.transcripts.chats.conversations import first_object, objects, text_in
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source

_MARKUP = re.compile(r"<([^<>|\n]{1,2000})(?:\|([^<>\n]{0,2000}))?>")
_SPOKEN = frozenset(
    ("", "bot_message", "me_message", "file_share", "file_comment", "thread_broadcast", "reply_broadcast")
)
_TS = re.compile(r"\d{9,11}(?:\.\d{1,7})?")


def read_slack(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per message with text; joins, topics and other notices are left out."""
    source.refuse_part("a Slack channel")
    messages = list(_messages(source))
    names = _names(source.json, messages)
    nameless: dict[str, None] = {}
    for number, message in enumerate(messages, start=1):
        place = f"message {number}"
        text = _plain(_text(message), names)
        subtype = text_in(message.get("subtype"))
        if subtype not in _SPOKEN or message.get("type", "message") != "message":
            source.leave_out(place, text, "deleted messages" if subtype == "tombstone" else "system messages")
            continue
        if message.get("files") or message.get("file"):
            source.leave_out(place, _file_names(message), "files")
        if not text.strip():
            if not (message.get("files") or message.get("file")):
                source.leave_out(place, _fallbacks(message), "messages without text")
            continue
        speaker = _speaker(message, names)
        if speaker is not None and speaker == message.get("user"):
            nameless[speaker] = None
        yield RawUtterance(place, text, speaker, from_unix(message.get("ts")))
    if nameless:
        source.notes.append(f"users whose names the file does not contain go by their id: {len(nameless):,}")


def _messages(source: Source) -> Iterator[dict[str, Any]]:
    """The messages with the replies that some tools nest in them."""
    value = source.json
    for message in objects(value.get("messages") if isinstance(value, dict) else value, source, "messages"):
        yield message
        for key in ("slackdump_thread_replies", "thread_replies", "replies"):
            nested = message.get(key)
            if isinstance(nested, list):  # an export lists replies by user and time only; those have no text
                yield from (each for each in nested if isinstance(each, dict) and "text" in each)


def _names(value: object, messages: list[dict[str, Any]]) -> dict[str, str]:
    """The names of users by id, from profiles in messages and from a list of users if there is one."""
    users = value.get("users") if isinstance(value, dict) else None
    profiles = [(each.get("id"), each.get("profile"), each) for each in users or () if isinstance(each, dict)]
    profiles += [(each.get("user"), each.get("user_profile"), {}) for each in messages]
    names: dict[str, str] = {}
    for user, profile, outer in profiles:
        name = _name_in(profile) or _name_in(outer)
        if isinstance(user, str) and name:
            names.setdefault(user, name)
    return names


def _name_in(profile: object) -> str:
    if not isinstance(profile, dict):
        return ""
    return next(
        (name for key in ("real_name", "display_name", "name") if (name := text_in(profile.get(key)).strip())), ""
    )


def _speaker(message: dict[str, Any], names: dict[str, str]) -> str | None:
    user = text_in(message.get("user"))
    if user in names:
        return names[user]
    bot = message.get("bot_profile")
    for name in (
        text_in(message.get("user_name")),
        text_in(message.get("username")),
        text_in(bot.get("name")) if isinstance(bot, dict) else "",
        user,
        text_in(message.get("bot_id")),
    ):
        if name.strip():
            return name
    return None


def _text(message: dict[str, Any]) -> str:
    text = text_in(message.get("text"))
    return text if text.strip() else "\n".join(_texts_of_blocks(message.get("blocks"), 8))


def _texts_of_blocks(value: object, depth: int) -> Iterator[str]:
    """The texts in blocks, for messages that have no text besides them."""
    if not depth:
        return
    if isinstance(value, list):
        for each in value:
            yield from _texts_of_blocks(each, depth - 1)
    elif isinstance(value, dict):
        if isinstance(value.get("text"), str):
            yield value["text"]
        for key in ("text", "elements", "fields"):
            if isinstance(value.get(key), list | dict):
                yield from _texts_of_blocks(value[key], depth - 1)


def _plain(text: str, names: dict[str, str]) -> str:
    """Text without Slack's markup: mentions become names, links their words.

    >>> _plain("<@U1> it &amp; <https://x.org|link> <!here>", {"U1": "Ana"})
    '@Ana it & link @here'
    """

    def say(found: re.Match[str]) -> str:
        target, label = found[1], found[2]
        if target.startswith("@"):
            return f"@{label or names.get(target[1:], target[1:])}"
        if target.startswith("#"):
            return f"#{label or target[1:]}"
        if target.startswith("!"):
            return label or f"@{target[1:].split('^')[0]}"
        return label or target.removeprefix("mailto:").removeprefix("tel:")

    return html.unescape(_MARKUP.sub(say, text))


def _file_names(message: dict[str, Any]) -> str:
    files = message.get("files") or [message.get("file")]
    names = [text_in(each.get("name")) for each in files if isinstance(each, dict)] if isinstance(files, list) else []
    return ", ".join(filter(None, names))


def _fallbacks(message: dict[str, Any]) -> str:
    """What the attachments of a bot say; they are cards, not speech."""
    attachments = message.get("attachments")
    found = [each for each in attachments if isinstance(each, dict)] if isinstance(attachments, list) else []
    return "\n".join(text_in(each.get("fallback")) or text_in(each.get("text")) for each in found)


def _sniff(source: Source) -> Evidence:
    value = source.json_or_none
    messages = value.get("messages") if isinstance(value, dict) else value
    first = first_object(messages)
    if not _TS.fullmatch(text_in(first.get("ts"))) or not {"user", "text", "subtype", "bot_id"} & set(first):
        return NO_EVIDENCE
    return Evidence(0.9, "messages with ts and user, as Slack exports them")


READER = Reader(
    "slack",
    (".json",),
    _sniff,
    read_slack,
    title="Slack channel export",
    example='[{"type": "message", "user": "U01", "text": "You are late.", "ts": "1736013720.000200"}]',
    is_chat=True,
)
