"""Find the lists of utterances in JSON, wherever they are: of several places, the one with the most text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from fliptrace.transcripts.tables.cells import cell_of
from fliptrace.transcripts.tables.column import Row
from fliptrace.transcripts.tables.column_names import has_alias, is_flag, known_roles
from fliptrace.transcripts.tables.record_shapes import (
    SAMPLE,
    columns_of,
    have_one_key,
    named_lines,
    table_of_columns,
    table_of_lists,
)

LISTS = (
    *("utterances", "segments", "messages", "turns", "transcript", "dialogue", "conversation", "conversations"),
    *("entries", "items", "lines", "results", "data"),
)
_MAX_DEPTH = 16
_IDS = ("id", "dialogue_id", "dialog_id", "conversation_id", "scene_id", "call_id", "ticket_id", "session_id", "name")


@dataclass(slots=True)
class List:
    """A list of objects: its name, the place before those of its rows, and the object that contains it."""

    name: str
    place: str
    elements: Sequence[Any]
    above: Mapping[str, Any]

    def rows(self, at_most: int | None = None) -> list[Row]:
        return [Row(f"{self.place}item {i}", each) for i, each in enumerate(self.elements[:at_most], start=1)]


@dataclass(slots=True)
class Group:
    """Lists at the same place of the structure: the one list of a transcript, or those of all dialogues of a corpus."""

    path: tuple[str, ...]
    lists: list[List]

    def first_rows(self) -> list[Row]:
        rows: list[Row] = []
        for each in self.lists[:SAMPLE]:
            rows += each.rows(1 + SAMPLE // len(self.lists))
        return rows

    def columns(self) -> list[str]:
        return columns_of(self.first_rows())

    def worth(self) -> float:
        """The letters in the objects, more if it is known who speaks them."""
        rows, columns = self.first_rows(), self.columns()
        letters = _letters(rows, columns)
        share = sum(len(each.elements) for each in self.lists) / max(len(rows), 1)
        roles = known_roles(columns)
        speaks = "speaker" in roles or any(map(is_flag, columns)) or names_speaker(self)
        known_text = "text" in roles or have_one_key(rows)
        return letters * share * (2 if speaks else 1) * (1 if known_text else 0.3)


def names_speaker(group: Group) -> bool:
    """Whether the objects above the lists say who speaks."""
    above = [each.above for each in group.lists[:SAMPLE]]
    keys = {
        key
        for each in above
        for key, value in each.items()
        if isinstance(value, str | int | dict) and not isinstance(value, bool)
    }
    speaking = [key for key in keys if has_alias(key, "speaker") and key not in ("name", "user", "from", "id")]
    return len(group.lists) > 1 and any(len({cell_of(each.get(key)) for each in above}) > 1 for key in speaking)


def _letters(rows: Sequence[Row], columns: Sequence[str]) -> int:
    """The letters in the column that has the most, if it is not one of ids or links."""
    known = [name for name in columns if has_alias(name, "text")] or columns
    best = 0
    for name in known:
        total = 0
        for row in rows:
            value = row.values.get(name) if isinstance(row.values, dict) else None
            if isinstance(value, str) and not value.startswith(("http:", "https:")):
                total += len(value)
            elif isinstance(value, list):
                total += sum(len(part) for part in value[:20] if isinstance(part, str))
                total += sum(
                    len(part["text"])
                    for part in value[:20]
                    if isinstance(part, dict) and isinstance(part.get("text"), str)
                )
            elif isinstance(value, dict):
                total += len(cell_of(value))
        best = max(best, total)
    return best


def find_lists(value: Any, listed: List | None) -> Group | None:
    """Return the lists that contain the utterances; None if there is no list of objects."""
    groups: dict[tuple[str, ...], Group] = {}
    if listed is not None:
        groups[()] = Group((), [listed])
    for path, name, place, elements, above in lists_within(value):
        if path or listed is None:
            group = groups.setdefault(path, Group(path, []))
            group.lists.append(List(name, place, elements, above))
    if not groups:
        return None
    worths = {path: group.worth() for path, group in groups.items()}
    if not any(worths.values()):
        if () in groups:
            return groups[()]
        return groups[next((path for name in LISTS for path in groups if path[-1] == name), next(iter(groups)))]
    # Of lists with as much text, the outermost.
    return groups[max(groups, key=lambda path: (worths[path], -len(path)))]


class Within(NamedTuple):
    """A value within JSON: its path, a name for it, the place before those of its elements, and the object around."""

    path: tuple[str, ...]
    name: str
    place: str
    value: Any
    above: Mapping[str, Any]


def lists_within(value: Any) -> Iterator[Within]:
    """All lists that contain objects, outer ones first. Other shapes are yielded as lists of objects, too."""
    stack = [Within((), "", "", value, {})]
    while stack:
        path, name, place, here, above = stack.pop()
        if len(path) > _MAX_DEPTH:
            continue
        if isinstance(here, list):
            table = table_of_lists(here)
            if table is not None or any(isinstance(each, dict) for each in here[:SAMPLE]):
                yield Within(path, name, place, table or here, above)
            elif said := named_lines(here):
                yield Within(path, name, place, said, above)
            inside: list[Within] = []
            for number, each in enumerate(here, start=1):
                if isinstance(each, list) or (isinstance(each, dict) and _has_inner(each)):
                    own = _id_of(each) or str(number)
                    inside.append(Within((*path, "*"), own, f"{place}item {number} ", each, above))
            stack += reversed(inside)
        elif isinstance(here, dict):
            columns = table_of_columns(here)
            if columns:
                yield Within(path, name, place, columns, above)
                continue
            keyed = _is_keyed(here)
            if keyed and all(isinstance(each, dict) for each in here.values()):
                first = next(iter(here.values()))
                if any(isinstance(each, str) for each in first.values()):
                    yield Within(path, name, place, list(here.values()), above)
            for key, each in reversed(list(here.items())):
                if isinstance(each, dict | list):
                    if keyed:
                        stack.append(Within((*path, "*"), key, f"{place}{key} ", each, here))
                    else:
                        stack.append(Within((*path, key), name, place, each, here))


def _has_inner(value: Mapping[str, Any]) -> bool:
    return any(isinstance(each, dict | list) for each in value.values())


def _id_of(value: Any) -> str:
    if not isinstance(value, dict):
        return ""
    return next((cell for key in _IDS if isinstance(value.get(key), str | int) and (cell := cell_of(value[key]))), "")


def _is_keyed(value: Mapping[str, Any]) -> bool:
    """Whether the keys of an object are names of things of one kind: `{"call-1": [...], "call-2": [...]}`."""
    values = list(value.values())[:50]
    if len(values) < 2:
        return False
    if all(isinstance(each, dict) and each for each in values):
        return all(set(each) & set(values[0]) for each in values)
    return all(isinstance(each, list) and each and isinstance(each[0], dict) for each in values) and all(
        set(each[0]) & set(values[0][0]) for each in values
    )
