"""Keys of hosted models: where they are found, and how they are removed from what a server returns.

Servers may repeat what they were sent. Hidden are the whole key, and every part of it of 8 letters and digits or more:
in any case, forwards and backwards, and with other characters in between. An encoded key (base64) is not recognised.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

KEY_VARIABLES = ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "FLIPTRACE_API_KEY")
_PART = 8  # letters and digits; shorter parts occur in ordinary text
_SIGN = re.compile(r"[A-Za-z0-9]")
_ESCAPE = re.compile(rb"\\(?:u[0-9A-Fa-f]{4}|.)")  # of JSON, such as \n
_NO_SIGNS = bytes(byte for byte in range(256) if not (chr(byte).isalnum() and byte < 128))


class _Key(NamedTuple):
    """A key, its name in texts, and its parts in lower case, forwards and backwards."""

    text: str
    name: str
    parts: tuple[bytes, ...]


def hide_keys(text: str, *, short_too: bool = True) -> str:
    """Replace our keys in a text, and parts of them, by the names of their variables.

    Without `short_too`, keys too short to have parts are left: placeholders such as "none", which replies may hold.
    """
    for key in _keys():
        if key.parts or short_too:
            text = _hide_parts(text.replace(key.text, key.name), key)
    return text


def hide_keys_in_body(body: bytes) -> bytes:
    """Hide keys in the body of a reply. JSON stays JSON: only its strings are searched."""
    if not any(_may_contain(body, key) for key in _keys()):
        return body
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return hide_keys(body.decode(errors="replace"), short_too=False).encode()
    return json.dumps(_hide_in_value(value)).encode()


def _hide_in_value(value: Any) -> Any:
    if isinstance(value, str):
        return hide_keys(value, short_too=False)
    if isinstance(value, list):
        return [_hide_in_value(each) for each in value]
    if isinstance(value, dict):
        return {hide_keys(name, short_too=False): _hide_in_value(each) for name, each in value.items()}
    return value


def _keys() -> Iterator[_Key]:
    for name in KEY_VARIABLES:
        text = os.environ.get(name, "").strip()
        if text:
            yield _make_key(name, text)


@lru_cache(maxsize=8)
def _make_key(name: str, text: str) -> _Key:
    signs = _signs(text.encode(errors="replace"))
    both = (signs, signs[::-1])
    parts = {each[start : start + _PART] for each in both for start in range(len(signs) - _PART + 1)}
    return _Key(text, f"<{name}>", tuple(sorted(parts)))


def _signs(text: bytes) -> bytes:
    return text.translate(None, _NO_SIGNS).lower()


def _may_contain(body: bytes, key: _Key) -> bool:
    """Whether a body may contain a key or a part of it. JSON's escapes of letters and digits count as such."""
    signs = _signs(_ESCAPE.sub(b"", body) if b"\\" in body else body)
    return bool(key.parts) and (b"\\u00" in body or any(part in signs for part in key.parts))


def _hide_parts(text: str, key: _Key) -> str:
    """Replace each stretch of a text in which a part of the key occurs."""
    signs = _signs(text.encode(errors="replace"))
    found = [start for part in key.parts for start in _occurrences(signs, part)]
    if not found:
        return text
    places = [match.start() for match in _SIGN.finditer(text)]
    stretches: list[tuple[int, int]] = []
    for start in sorted(found):
        first, last = places[start], places[start + _PART - 1] + 1
        if stretches and first <= stretches[-1][1]:
            stretches[-1] = (stretches[-1][0], max(last, stretches[-1][1]))
        else:
            stretches.append((first, last))
    for first, last in reversed(stretches):
        text = f"{text[:first]}{key.name}{text[last:]}"
    return text


def _occurrences(signs: bytes, part: bytes) -> Iterator[int]:
    start = signs.find(part)
    while start >= 0:
        yield start
        start = signs.find(part, start + 1)
