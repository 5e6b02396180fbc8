"""Rows with named columns, from any file format: choose the column of each role and the rows of one dialogue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from fliptrace.corpora.columns import is_missing
from fliptrace.transcripts.source import MAX_ROWS, RawUtterance, Source

# If a file has several aliases of a role, the first one here is used. Case, blanks and punctuation are ignored.
ALIASES: Mapping[str, tuple[str, ...]] = {
    "speaker": (
        *("speaker", "speaker_name", "speaker_label", "speaker_id", "speakers", "name", "who", "from", "role"),
        *("author", "participant", "agent", "sender", "user", "character", "person"),
    ),
    "text": (
        *("text", "utterance", "message", "content", "transcript", "transcription", "sentence", "body", "words"),
        *("speech", "caption", "dialogue", "dialog", "value", "line"),
    ),
    "emotion": ("emotion", "emotion_label", "emotions", "feeling", "mood"),
    "start": (
        *("start", "start_time", "start_seconds", "start_ms", "begin", "begin_time", "time", "timestamp"),
        *("time_start", "onset", "offset"),
    ),
    "end": ("end", "end_time", "end_seconds", "end_ms", "stop", "stop_time", "time_end"),
    "dialogue": ("dialogue_id", "dialog_id", "conversation_id", "call_id", "session_id", "thread_id", "meeting_id"),
}


class Row(NamedTuple):
    """One row and its place: "line 7", "item 3"."""

    place: str
    values: Mapping[str, Any]


def read_rows(rows: Sequence[Row], found: Sequence[str], source: Source) -> Iterator[RawUtterance]:
    """Yield the utterances of one dialogue from rows with the columns `found`; InputError if it is ambiguous which."""
    if len(rows) > MAX_ROWS:
        raise source.error("", f"over {MAX_ROWS:,} rows; expected one dialogue per file")
    columns = choose_columns(found, source)
    for place, values in _of_one_dialogue(rows, columns.get("dialogue"), source):
        cells = {role: values.get(column) for role, column in columns.items()}
        yield RawUtterance(
            place,
            text_of(cells.get("text"), source, place),
            name_of(cells.get("speaker")),
            _seconds(cells.get("start"), columns.get("start", "")),
            _seconds(cells.get("end"), columns.get("end", "")),
            label_of(cells.get("emotion")),
        )


def choose_columns(found: Sequence[str], source: Source) -> dict[str, str]:
    """Map each role to its column: the one the user named, else the first alias found. Only the text is required."""
    chosen = {role: _named_column(role, column, found, source) for role, column in source.columns.items()}
    free = {_plain(column): column for column in reversed(found) if column not in chosen.values()}
    for role, aliases in ALIASES.items():
        column = next((free[_plain(alias)] for alias in aliases if _plain(alias) in free), None)
        if role not in chosen and column is not None:
            chosen[role] = column
            del free[_plain(column)]
    if "text" not in chosen:
        expected = (
            f"one for the text ({', '.join(ALIASES['text'])}), or its name: columns={{'text': ...}}, --columns text=..."
        )
        raise source.error("", f"columns {shown(found)}; expected {expected}")
    return chosen


def known_roles(found: Sequence[str]) -> set[str]:
    """Return the roles that have an alias among these column names."""
    plain = {_plain(column) for column in found}
    return {role for role, aliases in ALIASES.items() if any(_plain(alias) in plain for alias in aliases)}


def shown(names: Iterable[str], at_most: int = 20) -> str:
    """Format names for a message: quoted, long names shortened, and those beyond `at_most` counted.

    >>> shown(["who", "what", "when"], at_most=2), shown([])
    ("'who', 'what' and 1 more", 'none')
    """
    names = list(names)
    first = ", ".join(repr(name if len(name) <= 40 else f"{name[:40]}...") for name in names[:at_most])
    more = f" and {len(names) - at_most:,} more" if len(names) > at_most else ""
    return f"{first}{more}" or "none"


def name_of(value: object) -> str | None:
    """Read a speaker from a cell; None if there is none. Objects, as meeting tools write them, are read by name."""
    if isinstance(value, dict):
        return next((name for key in ("name", "display_name", "id") if (name := name_of(value.get(key)))), None)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value).strip() or None


def label_of(value: object) -> str | None:
    """Read an emotion from a cell; None if there is none. A list or object is returned as the name of its type."""
    if is_missing(value):
        return None
    return str(value) if isinstance(value, str | int | float) else type(value).__name__


def text_of(value: object, source: Source, place: str) -> str:
    """Read text from a cell; "" if there is none. Lists of parts, as in messages of chat models, are joined."""
    if is_missing(value):
        return ""
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list):
        parts = [part.get("text") if isinstance(part, dict) else part for part in value]
        return " ".join(part for part in parts if isinstance(part, str))
    raise source.error(place, f"found {type(value).__name__} for the text, expected text")


def _named_column(role: str, column: str, found: Sequence[str], source: Source) -> str:
    if column in found:
        return column
    alike = next((name for name in found if _plain(name) == _plain(column) != ""), None)
    if alike is None:
        raise source.error("", f"columns {shown(found)}; expected {column!r} for the {role}")
    return alike


def _of_one_dialogue(rows: Sequence[Row], column: str | None, source: Source) -> Sequence[Row]:
    """Return the rows of the requested dialogue, or all rows; InputError if none of several dialogues was requested."""
    if column is None:
        source.refuse_part("a file without a column for dialogues")
        return rows
    by_name: dict[str, list[Row]] = {}
    for row in rows:
        by_name.setdefault((label_of(row.values.get(column)) or "").strip(), []).append(row)
    if source.part is None and len(by_name) > 1:
        found = f"{len(by_name):,} dialogues in column {column!r} ({shown(by_name, 5)})"
        raise source.error("", f"{found}; expected one: select it with {source.name}#NAME")
    if source.part is None:
        return rows
    if source.part not in by_name:
        raise source.error("", f"no dialogue {source.part!r} in {column!r}, which has {shown(by_name, 5)}")
    return by_name[source.part]


def _seconds(value: object, column: str) -> object:
    """Return a cell unchanged, or in seconds if the name of its column ends with "ms"."""
    if not _plain(column).endswith("ms") or isinstance(value, bool) or not isinstance(value, str | int | float):
        return value
    try:
        return float(value) / 1000
    except (ValueError, OverflowError):
        return value


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())
