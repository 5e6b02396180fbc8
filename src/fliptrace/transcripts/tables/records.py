"""Readers for JSON and JSONL: a list of objects, one per utterance, wherever it is in the file.

Of several lists, the one with the most text is read. Lists in the objects of a list are the dialogues of a corpus,
unless these objects say who speaks: then they are paragraphs, whose sentences are the utterances.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fliptrace.core.errors import InputError
from fliptrace.transcripts.source import MAX_ROWS, NO_EVIDENCE, Evidence, RawUtterance, Reader, Source, parse_json
from fliptrace.transcripts.speech import read_name
from fliptrace.transcripts.tables.columns import cell_of, has_alias, is_flag, known_roles, shown
from fliptrace.transcripts.tables.rows import Row, read_rows, select_dialogue

_LISTS = (
    *("utterances", "segments", "messages", "turns", "transcript", "dialogue", "conversation", "conversations"),
    *("entries", "items", "lines", "results", "data"),
)
_MAX_DEPTH = 16
_SAMPLE = 300  # objects of each list that are looked at
_IDS = ("id", "dialogue_id", "dialog_id", "conversation_id", "scene_id", "call_id", "ticket_id", "session_id", "name")


def read_json(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per object of the list."""
    value = source.json
    is_other = isinstance(value, list) and (_table_of_lists(value) or _lines_of(value))
    listed = _List("", "", value, {}) if isinstance(value, list) and not is_other else None
    found = _find(value, listed)
    if found is None:
        raise _nothing_found(source.json, source)
    return _read(found, source)


def read_jsonl(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per line; blank lines are skipped. Lines with a list of utterances are dialogues."""
    if source.text.count("\n") > 2 * MAX_ROWS:
        raise source.error("", f"over {MAX_ROWS:,} rows; expected one dialogue per file")
    lines = enumerate(source.text.split("\n"), start=1)
    parsed = [Row(f"line {n}", parse_json(line, source.name, n)) for n, line in lines if line.strip()]
    if not parsed:
        raise source.error("", "empty; expected an object for each utterance")
    if not all(isinstance(record, str) for _, record in parsed):
        _check_objects(parsed, source)
    if len(parsed) > MAX_ROWS:
        raise source.error("", f"over {MAX_ROWS:,} rows; expected one dialogue per file")
    found = _find([record for _, record in parsed], None)
    if found is None or not found.path:
        return _read_rows(parsed, source)
    return _read(found, source)


@dataclass(slots=True)
class _List:
    """A list of objects: its name, the place before those of its rows, and the object that contains it."""

    name: str
    place: str
    elements: Sequence[Any]
    above: Mapping[str, Any]

    def rows(self, at_most: int | None = None) -> list[Row]:
        return [Row(f"{self.place}item {i}", each) for i, each in enumerate(self.elements[:at_most], start=1)]


@dataclass(slots=True)
class _Group:
    """Lists at the same place of the structure: the one list of a transcript, or those of all dialogues of a corpus."""

    path: tuple[str, ...]
    lists: list[_List]

    def first_rows(self) -> list[Row]:
        rows: list[Row] = []
        for each in self.lists[:_SAMPLE]:
            rows += each.rows(1 + _SAMPLE // len(self.lists))
        return rows

    def columns(self) -> list[str]:
        return _columns(self.first_rows())

    def worth(self) -> float:
        """The letters in the objects, more if it is known who speaks them."""
        rows, columns = self.first_rows(), self.columns()
        letters = _letters(rows, columns)
        share = sum(len(each.elements) for each in self.lists) / max(len(rows), 1)
        roles = known_roles(columns)
        speaks = "speaker" in roles or any(map(is_flag, columns)) or _names_speaker(self)
        known_text = "text" in roles or _one_key(rows)
        return letters * share * (2 if speaks else 1) * (1 if known_text else 0.3)


def _read(group: _Group, source: Source) -> Iterator[RawUtterance]:
    if _names_speaker(group) and "speaker" not in known_roles(group.columns()):
        above = [key for key, value in group.lists[0].above.items() if has_alias(key, "speaker") or is_flag(key)]
        rows = [
            Row(f"{place}", {key: each.above.get(key) for key in above} | dict(record))
            for each in group.lists
            for place, record in each.rows()
        ]
        return _read_rows(rows, source)
    if len(group.lists) == 1 and source.part is None:
        return _read_rows(group.lists[0].rows(), source)
    if len(group.lists) == 1 and source.part != group.lists[0].name:
        return _read_rows(group.lists[0].rows(), source)  # a column may name the dialogues
    rows = [row for each in group.lists for row in each.rows()]
    names = [name for each, name in zip(group.lists, _unique(group), strict=True) for _ in each.elements]
    return _read_rows(list(select_dialogue(rows, names, "the file", source)), source, is_selected=True)


def _read_rows(rows: list[Row], source: Source, is_selected: bool = False) -> Iterator[RawUtterance]:
    if not rows:
        raise source.error("", "empty; expected an object for each utterance")
    _check_objects(rows, source)
    rows = _one_key_rows(rows) if _one_key(rows[:_SAMPLE]) and not source.columns else _flattened(rows, source)
    if is_selected:
        source.part = None
    return read_rows(rows, _columns(rows), source)


def _check_objects(rows: Sequence[Row], source: Source) -> None:
    for place, record in rows:
        if not isinstance(record, dict):
            raise source.error(place, f"found {type(record).__name__}, expected an object")


def _unique(group: _Group) -> list[str]:
    """The names of the lists, or their positions from 1 if names are missing or not unique."""
    names = [each.name for each in group.lists]
    if all(names) and len(set(names)) == len(names):
        return names
    return [str(number) for number in range(1, len(names) + 1)]


def _columns(rows: Sequence[Row]) -> list[str]:
    found: dict[str, None] = {}
    for row in rows:
        if isinstance(row.values, dict):
            found |= dict.fromkeys(row.values)
    return list(found)


def _names_speaker(group: _Group) -> bool:
    """Whether the objects above the lists say who speaks."""
    above = [each.above for each in group.lists[:_SAMPLE]]
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


def _find(value: Any, listed: _List | None) -> _Group | None:
    """Return the lists that contain the utterances; None if there is no list of objects."""
    groups: dict[tuple[str, ...], _Group] = {}
    if listed is not None:
        groups[()] = _Group((), [listed])
    for path, name, place, rows, above in _lists_within(value):
        if path or listed is None:
            group = groups.setdefault(path, _Group(path, []))
            group.lists.append(_List(name, place, rows, above))
    if not groups:
        return None
    worths = {path: group.worth() for path, group in groups.items()}
    if not any(worths.values()):
        known = next((path for name in _LISTS for path in groups if path and path[-1] == name), None)
        return groups[() if () in groups else known if known is not None else next(iter(groups))]
    # Of lists with as much text, the outermost.
    return groups[max(groups, key=lambda path: (worths[path], -len(path)))]


def _lists_within(value: Any) -> Iterator[tuple[tuple[str, ...], str, str, list[Any], Mapping[str, Any]]]:
    """All lists that contain objects: path in the structure, name, place, elements, and the object around it."""
    stack: list[tuple[tuple[str, ...], str, str, Any, Mapping[str, Any]]] = [((), "", "", value, {})]
    while stack:
        path, name, place, here, above = stack.pop()
        if len(path) > _MAX_DEPTH:
            continue
        if isinstance(here, list):
            table = _table_of_lists(here)
            if table is not None or any(isinstance(each, dict) for each in here[:_SAMPLE]):
                yield path, name, place, table or here, above
            elif said := _lines_of(here):
                yield path, name, place, said, above
            inside: list[tuple[tuple[str, ...], str, str, Any, Mapping[str, Any]]] = []
            for number, each in enumerate(here, start=1):
                if isinstance(each, list) or (isinstance(each, dict) and _has_inner(each)):
                    inside.append(((*path, "*"), _id_of(each) or str(number), f"{place}item {number} ", each, above))
            stack += reversed(inside)
        elif isinstance(here, dict):
            columns = _columns_of_lists(here)
            if columns:
                yield path, name, place, columns, above
                continue
            keyed = _is_keyed(here)
            if keyed and all(isinstance(each, dict) for each in here.values()):
                first = next(iter(here.values()))
                if any(isinstance(each, str) for each in first.values()):
                    yield path, name, place, list(here.values()), above
            for key, each in reversed(list(here.items())):
                if isinstance(each, dict | list):
                    own = key if keyed else name
                    stack.append(
                        ((*path, "*" if keyed else key), own, f"{place}{key} " if keyed else place, each, here)
                    )


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


def _table_of_lists(rows: list[Any]) -> list[Any] | None:
    """A list of lists as objects: the first names the columns, or they are pairs of speaker and text."""
    if len(rows) < 2 or not all(isinstance(row, list) and row for row in rows[:_SAMPLE]):
        return None
    head = rows[0]
    if not all(isinstance(cell, str) for cell in head):
        return None
    if {"speaker", "text"} <= known_roles(head):
        return [dict(zip(head, row, strict=False)) for row in rows[1:] if isinstance(row, list)]
    if all(isinstance(row, list) and len(row) == 2 and all(isinstance(cell, str) for cell in row) for row in rows):
        return [{"speaker": row[0], "text": row[1]} for row in rows]
    return None


def _columns_of_lists(value: Mapping[str, Any]) -> list[Any] | None:
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


def _lines_of(lines: list[Any]) -> list[Any] | None:
    """A list of texts `Ana: ...` as objects; None unless most of them name a speaker."""
    if len(lines) < 2 or not all(isinstance(line, str) for line in lines):
        return None
    parsed = [read_name(line[:2_000]) for line in lines[:_SAMPLE]]
    if sum(spoken is not None for spoken in parsed) < 0.6 * len(parsed):
        return None
    return [{"text": line} for line in lines]


def _one_key(rows: Sequence[Row]) -> bool:
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


def _one_key_rows(rows: Sequence[Row]) -> list[Row]:
    return [Row(place, {"speaker": key, "text": text}) for place, record in rows for key, text in record.items()]


def _flattened(rows: list[Row], source: Source) -> list[Row]:
    """Rows with the fields of inner objects as columns such as `message.content`, if no outer column has the text."""
    columns = _columns(rows[:_SAMPLE])
    has_text = any(has_alias(name, "text") and _is_plain(rows, name) for name in columns)
    has_speaker = any(has_alias(name, "speaker") or is_flag(name) for name in columns)
    inner = [name for name in columns if any(isinstance(row.values.get(name), dict) for row in rows[:_SAMPLE])]
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
    names = _columns(flat)
    return flat if any(has_alias(name, "text") for name in names) else rows


def _is_plain(rows: Sequence[Row], name: str) -> bool:
    return any(isinstance(row.values.get(name), str | list | int | float) for row in rows[:_SAMPLE])


def _nothing_found(value: Any, source: Source) -> InputError:
    found = f"an object with {shown(value)}" if isinstance(value, dict) else type(value).__name__
    expected = f"a list of objects, or an object that contains one as {', '.join(_LISTS)}"
    return source.error("", f"found {found}, expected {expected}")


def _sniff_json(source: Source) -> Evidence:
    value = source.json_or_none
    if value is None:
        return NO_EVIDENCE
    first = next(_lists_within(value), None)
    if first is None:
        return NO_EVIDENCE
    return Evidence(0.5, "a list of objects")


def _sniff_jsonl(source: Source) -> Evidence:
    first, _, rest = source.text.lstrip().partition("\n")
    if not (first.startswith("{") and rest.lstrip().startswith("{")):
        return NO_EVIDENCE
    try:
        is_object = isinstance(parse_json(first, source.name, 1), dict)
    except InputError:
        return NO_EVIDENCE
    return Evidence(0.5, "one JSON object per line") if is_object else NO_EVIDENCE


JSON = Reader(
    "json",
    (".json",),
    _sniff_json,
    read_json,
    title="JSON with one object per utterance",
    example='[{"speaker": "Ana", "text": "You are late."}]',
    has_columns=True,
)
JSONL = Reader(
    "jsonl",
    (".jsonl", ".ndjson"),
    _sniff_jsonl,
    read_jsonl,
    title="One JSON object per line",
    example='{"speaker": "Ana", "text": "You are late."}',
    has_columns=True,
)
