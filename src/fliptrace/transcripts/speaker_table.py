"""Names of speakers from a table in a JSON file: `{"speakers": [{"id": 7, "name": "Ana"}], "segments": [...]}`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from fliptrace.transcripts.source import RawUtterance, Source

_MAX_DEPTH = 4
_MAX_OBJECTS = 300  # looked at in a file
_MAX_SPEAKERS = 1_000
_TABLES = ("speakers", "speaker_names", "speakerNames", "speaker_map", "speakerMap", "participants", "people")
_IDS = (
    *("id", "speaker_id", "speakerId", "participant_id", "participantId", "user_id", "userId", "uuid", "spkid"),
    *("key", "label", "speaker_label", "speaker", "tag", "index"),
)
_NAMES = (
    *("name", "display_name", "displayName", "full_name", "fullName", "speaker_name", "speakerName", "user_name"),
    *("userName", "label"),
)


def with_names(found: Iterable[RawUtterance], source: Source) -> list[RawUtterance]:
    """Replace the ids of speakers by the names that a table in the file gives them."""
    utterances = list(found)
    names = speaker_table(source.json_or_none)
    if not any(each.speaker in names for each in utterances):
        return utterances
    return [replace(each, speaker=names.get(each.speaker or "", each.speaker)) for each in utterances]


def speaker_table(value: Any) -> Mapping[str, str]:
    """Map ids of speakers to names by a table in a file: a list of objects with id and name, or names by id.

    >>> speaker_table({"speakers": [{"id": 7, "name": "Ana"}]}), speaker_table({"speakers": {"7": "Ana"}})
    ({'7': 'Ana'}, {'7': 'Ana'})
    """
    for holder in objects_within(value):
        for key in _TABLES:
            if names := _names_in(holder.get(key)):
                return names
    return {}


def objects_within(value: Any) -> Iterator[Mapping[str, Any]]:
    """An object and the objects directly within it, the outermost first; lists are not entered."""
    level = [value] if isinstance(value, dict) else []
    num_left = _MAX_OBJECTS
    for _ in range(_MAX_DEPTH):
        level = level[:num_left]
        num_left -= len(level)
        yield from level
        level = [each for holder in level for each in holder.values() if isinstance(each, dict)]


def _names_in(table: Any) -> Mapping[str, str]:
    """The names by id; none if all are the same, which would make one person of several."""
    if isinstance(table, dict):
        pairs = [(key, _name(each)) for key, each in list(table.items())[:_MAX_SPEAKERS]]
    else:
        rows = [row for row in table[:_MAX_SPEAKERS] if isinstance(row, dict)] if isinstance(table, list) else []
        key = next((key for key in _IDS if rows and all(key in row for row in rows)), "")
        if any("text" in row or "words" in row for row in rows):  # these are utterances
            return {}
        pairs = [(_label(row.get(key)), _name(row, key)) for row in rows]
    names = {label: name for label, name in pairs if label and name}
    return names if len(names) < 2 or len(set(names.values())) > 1 else {}


def _name(value: Any, id_key: str = "") -> str:
    if isinstance(value, dict):
        return next((name for key in _NAMES if key != id_key and (name := _label(value.get(key)))), "")
    return value.strip() if isinstance(value, str) else ""


def _label(value: Any) -> str:
    return str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
