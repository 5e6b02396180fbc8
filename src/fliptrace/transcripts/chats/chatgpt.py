"""Reader for conversations.json of ChatGPT (`conversations.json#Title` if there are several).

A conversation is a tree of messages: each edit and each new answer begins a branch. The branch that the user saw last
is read. Messages for tools and hidden messages are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from fliptrace.transcripts.chats.clock import from_unix
from fliptrace.transcripts.chats.conversations import Conversation, choose, first_object, objects, text_in
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source

_SPOKEN = frozenset(("text", "multimodal_text", ""))


def read_chatgpt(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per message of the user and the model in the branch seen last."""
    value = source.json
    found = objects(value if isinstance(value, list) else [value], source, "conversations")
    named = [_conversation(each) for each in found if isinstance(each.get("mapping"), dict)]
    if not named:
        raise source.error("", "found no object with a mapping; expected the conversations.json of ChatGPT")
    conversation = choose(named, source).content
    nodes = conversation["mapping"]
    path = _path(nodes, conversation.get("current_node"))
    seen = set(path)
    others = [key for key, node in nodes.items() if key not in seen and _is_said(_message(node))]
    for key in others:
        source.leave_out(f"message {key}", _text(_message(nodes[key])), "messages of other branches")
    last: datetime | None = None
    for number, key in enumerate(path, start=1):
        message = _message(nodes[key])
        if not message:
            continue
        place = f"message {number}"
        if not _is_said(message):
            if _text(message).strip():
                source.leave_out(place, _text(message), "system and tool messages")
            continue
        num_media = sum(isinstance(part, dict) and "text" not in part for part in _parts(message))
        if num_media:
            source.leave_out(place, "", "media")
        time = from_unix(message.get("create_time"))
        if time is not None and last is not None and time < last:
            time = None  # the tree tells the order, even if clocks disagree
        last = time or last
        if _text(message).strip():
            yield RawUtterance(place, _text(message), _author(message), time)


def _conversation(value: dict[str, Any]) -> Conversation:
    identity = text_in(value.get("conversation_id")) or text_in(value.get("id"))
    return Conversation(text_in(value.get("title")), identity, value)


def _path(nodes: dict[str, Any], current: object) -> list[str]:
    """The keys of the nodes from the root to `current`, or to the last message if that is not a node."""
    if not isinstance(current, str) or current not in nodes:
        current = _newest_leaf(nodes)
    path: dict[str, None] = {}
    while isinstance(current, str) and current in nodes and current not in path:
        path[current] = None
        node = nodes[current]
        current = node.get("parent") if isinstance(node, dict) else None
    return list(reversed(path))


def _newest_leaf(nodes: dict[str, Any]) -> str | None:
    """The last node without children."""
    leaf = None
    for key, node in nodes.items():
        if isinstance(node, dict) and not node.get("children"):
            leaf = key
    return leaf


def _message(node: object) -> dict[str, Any]:
    message = node.get("message") if isinstance(node, dict) else None
    return message if isinstance(message, dict) else {}


def _author(message: dict[str, Any]) -> str | None:
    author = message.get("author")
    return (text_in(author.get("role")) or None) if isinstance(author, dict) else None


def _is_said(message: dict[str, Any]) -> bool:
    """Whether a message is one that the user wrote or saw, and has text."""
    content, metadata = message.get("content"), message.get("metadata")
    kind = text_in(content.get("content_type")) if isinstance(content, dict) else "?"
    hidden = isinstance(metadata, dict) and bool(metadata.get("is_visually_hidden_from_conversation"))
    to_all = message.get("recipient") in ("all", None)
    return _author(message) in ("user", "assistant") and kind in _SPOKEN and to_all and not hidden


def _parts(message: dict[str, Any]) -> list[Any]:
    content = message.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    return parts if isinstance(parts, list) else []


def _text(message: dict[str, Any]) -> str:
    texts = [text_in(part.get("text")) if isinstance(part, dict) else text_in(part) for part in _parts(message)]
    content = message.get("content")
    if not texts and isinstance(content, dict):
        texts = [text_in(content.get("text"))]
    return "\n".join(filter(None, texts))


def _sniff(source: Source) -> Evidence:
    value = source.json_or_none
    first = value if isinstance(value, dict) else first_object(value)
    nodes = first.get("mapping")
    if not isinstance(nodes, dict) or not any(isinstance(node, dict) and "message" in node for node in nodes.values()):
        return NO_EVIDENCE
    return Evidence(0.95, "a conversation with a mapping of messages, as ChatGPT exports it")


READER = Reader(
    "chatgpt",
    (".json",),
    _sniff,
    read_chatgpt,
    title="ChatGPT, conversations.json",
    example='[{"title": "Trains", "mapping": {"a": {"message": {"author": {"role": "user"}, '
    '"content": {"content_type": "text", "parts": ["Why are you late?"]}}, "parent": null, "children": []}}}]',
    is_chat=True,
)
