"""Functions that the readers of JSON chats share: choosing one of several conversations, and text from HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from fliptrace.transcripts.source import Source
from fliptrace.transcripts.tables.cells import shown

_TAG = re.compile(r"<(/?)([A-Za-z][\w:-]{0,30})([^<>]*)>")
_BREAKS = frozenset(("br", "p", "div", "li", "tr", "h1", "h2", "h3", "ul", "ol", "pre"))
_QUOTES = frozenset(("quote", "blockquote", "legacyquote"))
_HIDDEN = frozenset(("script", "style", "title", *_QUOTES))
_VOID = re.compile(r"/\s*$")


class Conversation(NamedTuple):
    """One conversation of an export: its name as people see it, its id, and the JSON that contains its messages."""

    name: str
    id: str
    content: Any


def choose(conversations: Sequence[Conversation], source: Source) -> Conversation:
    """The conversation that `source.part` names, by id, by name or by number; the only one if it names none.

    InputError if there are none or several to choose from.
    """
    if not conversations:
        raise source.error("", "found no conversations; expected at least one")
    part = source.part
    if part is None and len(conversations) == 1:
        return conversations[0]
    names = shown([each.name or each.id for each in conversations], 5)
    if part is None:
        found = f"{len(conversations):,} conversations ({names})"
        raise source.error("", f"{found}; expected one: select it with {source.name}#NAME")
    folded = part.strip().casefold()
    for fitting in (
        [each for each in conversations if each.id == part],
        [each for each in conversations if each.name == part],
        [each for each in conversations if each.name.strip().casefold() == folded],
    ):
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            ids = shown([each.id for each in fitting], 5)
            raise source.error("", f"{len(fitting)} conversations are called {part!r}; expected an id after #: {ids}")
    if part.isdecimal() and 1 <= int(part[:9]) <= len(conversations):
        return conversations[int(part) - 1]
    raise source.error("", f"no conversation {part!r}; expected one of {names}")


class Unmarked(NamedTuple):
    """Text without its HTML, and the quotations in it, which somebody said before."""

    text: str
    quotes: list[str]


def text_from_html(markup: str) -> Unmarked:
    """Convert HTML to text; quotations are returned separately, scripts and styles are dropped.

    >>> text_from_html("<p>It was &amp; is<br>good</p>").text.split()
    ['It', 'was', '&', 'is', 'good']
    """
    said: list[str] = []
    quotes: list[str] = []
    hidden: list[str] = []  # the open elements that hide their text, the outermost first
    position = 0
    for tag in _TAG.finditer(markup):
        _keep(markup[position : tag.start()], said, quotes, hidden)
        position = tag.end()
        name = tag[2].casefold()
        if name in _BREAKS and not hidden:
            said.append("\n")
        if name in _HIDDEN and tag[1] and name in hidden:
            del hidden[hidden.index(name) :]
        elif name in _HIDDEN and not tag[1] and not _VOID.search(tag[3][-5:]) and len(hidden) < 50:
            hidden.append(name)
    _keep(markup[position:], said, quotes, hidden)
    return Unmarked(html.unescape("".join(said)).strip(), [html.unescape(quote).strip() for quote in quotes])


def _keep(text: str, said: list[str], quotes: list[str], hidden: list[str]) -> None:
    if not hidden:
        said.append(text)
    elif hidden[0] in _QUOTES and text.strip():
        quotes.append(text)


def objects(value: object, source: Source, what: str) -> list[dict[str, Any]]:
    """A list of JSON objects; InputError if it is anything else."""
    if not isinstance(value, list):
        raise source.error("", f"found {type(value).__name__} for the {what}; expected a list of objects")
    for number, each in enumerate(value, start=1):
        if not isinstance(each, dict):
            raise source.error(f"message {number}", f"found {type(each).__name__}; expected an object")
    return value


def text_in(value: object) -> str:
    """A JSON value as text; "" if it is not text or a number."""
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def first_object(value: object) -> dict[str, Any]:
    """The first object of a list; an empty one if there is none."""
    return next((each for each in value[:50] if isinstance(each, dict)), {}) if isinstance(value, list) else {}
