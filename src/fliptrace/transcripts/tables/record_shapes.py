"""Other shapes of JSON as rows: lists of lists, columns, `Name: words`, one key per object, objects in objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fliptrace.transcripts.speech import read_name
from fliptrace.transcripts.tables.column import Row
from fliptrace.transcripts.tables.column_names import has_alias, is_flag, known_roles

SAMPLE = 300  # objects of each list that are looked at


def columns_of(rows: Sequence[Row]) -> list[str]:
    found: dict[str, None] = {}
    for row in rows:
        if isinstance(row.values, dict):
            found |= dict.fromkeys(row.values)
    return list(found)


def table_of_lists(rows: list[Any]) -> list[Any] | None:
    """A list of lists as objects: the first names the columns, or they are pairs of speaker and text."""
    if len(rows) < 2 or not all(isinstance(row, list) and row for row in rows[:SAMPLE]):
        return None
    head = rows[0]
    if not all(isinstance(cell, str) for cell in head):
        return None
    if {"speaker", "text"} <= known_roles(head):
        return [dict(zip(head, row, strict=False)) for row in rows[1:] if isinstance(row, list)]
    if all(isinstance(row, list) and len(row) == 2 and all(isinstance(cell, str) for cell in row) for row in rows):
        return [{"speaker": row[0], "text": row[1]} for row in rows]
    return None


def table_of_columns(value: Mapping[str, Any]) -> list[Any] | None:
    """An object of columns as a list of objects: lists of one length, or objects with the same keys (pandas)."""
    if isinstance(value.get("columns"), list) and isinstance(value.get("data"), list):
        head = value["columns"]
        if all(isinstance(name, str) for name in head) and all(isinstance(row, list) for row in value["data"]):
            return [dict(zip(head, row, strict=False)) for row in value["data"]]
    texts = [key for key in value if has_alias(key, "text")]
    for key in texts:
        first = value[key]
        if (
            isinstance(first, dict)
            and len(first) > 1
            and all(isinstance(each, str) for each in list(first.values())[:50])
        ):
            same = {k: c for k, c in value.items() if isinstance(c, dict) and c.keys() == first.keys()}
            if len(same) > 1:
                return [{name: column[row] for name, column in same.items()} for row in first]
        if isinstance(first, list) and len(first) > 1 and all(isinstance(each, str) for each in first):
            lists = {k: c for k, c in value.items() if isinstance(c, list) and len(c) == len(first)}
            if len(lists) > 1:
                return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]
    return None


def named_lines(lines: list[Any]) -> list[Any] | None:
    """A list of texts `Ana: ...` as objects; None unless most of them name a speaker."""
    if len(lines) < 2 or not all(isinstance(line, str) for line in lines):
        return None
    parsed = [read_name(line[:2_000]) for line in lines[:SAMPLE]]
    if sum(spoken is not None for spoken in parsed) < 0.6 * len(parsed):
        return None
    return [{"text": line} for line in lines]


def have_one_key(rows: Sequence[Row]) -> bool:
    """Whether each object has one key, the speaker: `{"Ana": "You are late."}`."""
    if len(rows) < 2:
        return False
    for row in rows:
        if (
            not isinstance(row.values, dict)
            or len(row.values) != 1
            or not isinstance(next(iter(row.values.values())), str)
        ):
            return False
    return not any(has_alias(next(iter(row.values)), "text") for row in rows)


def rows_of_one_key(rows: Sequence[Row]) -> list[Row]:
    return [Row(place, {"speaker": key, "text": text}) for place, record in rows for key, text in record.items()]


def flattened(rows: list[Row]) -> list[Row]:
    """Rows with the fields of inner objects as columns such as `message.content`, if no outer column has the text."""
    columns = columns_of(rows[:SAMPLE])
    has_text = any(has_alias(name, "text") and _is_plain(rows, name) for name in columns)
    has_speaker = any(has_alias(name, "speaker") or is_flag(name) for name in columns)
    inner = [name for name in columns if any(isinstance(row.values.get(name), dict) for row in rows[:SAMPLE])]
    if (has_text and has_speaker) or not inner:
        return rows
    flat = []
    for place, record in rows:
        more = {
            f"{name}.{key}": v
            for name in inner
            if isinstance(record.get(name), dict)
            for key, v in record[name].items()
        }
        kept = {
            name: v
            for name, v in record.items()
            if has_text or not (has_alias(name, "text") and isinstance(v, dict) and more)
        }
        flat.append(Row(place, kept | more))
    names = columns_of(flat)
    return flat if any(has_alias(name, "text") for name in names) else rows


def _is_plain(rows: Sequence[Row], name: str) -> bool:
    return any(isinstance(row.values.get(name), str | list | int | float) for row in rows[:SAMPLE])
