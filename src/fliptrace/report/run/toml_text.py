"""Write a recipe as TOML, so that a report contains everything needed to run it again.

Python reads TOML but does not write it. This module writes what recipes consist of: tables, lists of tables, and plain
values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from fliptrace.core.files import Json

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def to_toml(table: Json) -> str:
    """The table as TOML. None values are left out, because TOML has no null.

    >>> print(to_toml({"name": "tiny", "base": {"model": "scratch"}, "stages": [{"name": "chain", "epochs": 1.0}]}))
    name = "tiny"
    <BLANKLINE>
    [base]
    model = "scratch"
    <BLANKLINE>
    [[stages]]
    name = "chain"
    epochs = 1.0
    """
    return "\n".join(_lines(table, "")).strip()


def _lines(table: Json, path: str) -> Iterator[str]:
    """Yield plain values first: after the header of an inner table they would belong to that table."""
    for key, value in table.items():
        if value is not None and not isinstance(value, dict) and not _is_tables(value):
            yield f"{_key(key)} = {_value(value)}"
    for key, value in table.items():
        inner = f"{path}.{_key(key)}" if path else _key(key)
        if isinstance(value, dict):
            yield from ("", f"[{inner}]", *_lines(value, inner))
        elif _is_tables(value):
            for row in value:
                yield from ("", f"[[{inner}]]", *_lines(row, inner))


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _value(key)


def _value(value: object) -> str:
    """Write strings, numbers, booleans and lists as in JSON, except that DEL must be escaped in TOML."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
