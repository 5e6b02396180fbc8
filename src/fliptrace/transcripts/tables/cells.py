"""Read the cells of tables and lists as text, as names of speakers or as labels, whatever their type in the file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from fliptrace.corpora.columns import is_missing
from fliptrace.transcripts.source import Source
from fliptrace.transcripts.speech import read_name

_NAME_LIST = re.compile(r"\[\s{0,3}(['\"]).{1,200}\1\s{0,3}\]")


def cell_of(value: object) -> str:
    """A cell as text without blanks around it; "" if it is missing. Objects are read by name, lists joined."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, dict):
        keys = ("name", "display_name", "displayName", "real_name", "text", "body", "content", "role", "id")
        return next((cell for key in keys if (cell := cell_of(value.get(key)))), "")
    if isinstance(value, list):
        return ", ".join(filter(None, map(cell_of, value[:20])))
    return "" if is_missing(value) else str(value)


def name_of(value: object) -> str | None:
    """Read a speaker from a cell; None if there is none. Objects, as meeting tools write them, are read by name."""
    if isinstance(value, dict):
        keys = ("name", "display_name", "displayName", "real_name", "username", "role", "id")
        return next((name for key in keys if (name := name_of(value.get(key)))), None)
    if isinstance(value, list):
        return ", ".join(dict.fromkeys(filter(None, map(name_of, value[:20])))) or None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value).strip()
    if text.startswith("[") and _NAME_LIST.fullmatch(text):  # a list that Python wrote, as in EmoryNLP tables
        return ", ".join(re.findall(r"['\"]([^'\",][^'\"]*)['\"]", text)) or text
    return text or None


def label_of(value: object) -> str | None:
    """Read an emotion from a cell; None if there is none. A list or object is returned as the name of its type."""
    if is_missing(value):
        return None
    return str(value) if isinstance(value, str | int | float) else type(value).__name__


def text_of(value: object, source: Source, place: str) -> str:
    """Read text from a cell; "" if there is none. Lists of parts, as in messages of chat models, are joined."""
    if isinstance(value, str):
        return value
    if is_missing(value):
        return ""
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list):
        parts = [part.get("text") if isinstance(part, dict) else part for part in value]
        return " ".join(part for part in parts if isinstance(part, str))
    raise source.error(place, f"found {type(value).__name__} for the text, expected text")


def names_in_texts(texts: Sequence[str]) -> list[str | None] | None:
    """The speakers of texts such as `Ana: words`; None unless most texts begin so and the names repeat."""
    parsed = [read_name(text[:2_000].partition("\n")[0]) for text in texts]
    names = [spoken.speaker if spoken is not None else None for spoken in parsed]
    known = [name for name in names if name]
    if len(known) < 2 or len(known) < 0.6 * len(names) or len(set(known)) > 0.6 * len(known) + 1:
        return None
    return names


def shown(names: Iterable[str], at_most: int = 20) -> str:
    """Format names for a message: quoted, long names shortened, and those beyond `at_most` counted.

    >>> shown(["who", "what", "when"], at_most=2), shown([])
    ("'who', 'what' and 1 more", 'none')
    """
    names = list(names)
    first = ", ".join(repr(name if len(name) <= 40 else f"{name[:40]}...") for name in names[:at_most])
    more = f" and {len(names) - at_most:,} more" if len(names) > at_most else ""
    return f"{first}{more}" or "none"
