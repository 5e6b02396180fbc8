"""Readers for JSON and JSONL: a list of objects, one per utterance, wherever it is in the file.

Of several lists, the one with the most text is read. Lists in the objects of a list are the dialogues of a corpus,
unless these objects say who speaks: then they are paragraphs, whose sentences are the utterances.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fliptrace.core.errors import InputError
from fliptrace.transcripts.source import MAX_ROWS, NO_EVIDENCE, Evidence, RawUtterance, Reader, Source, parse_json
from fliptrace.transcripts.speaker_table import with_names
from fliptrace.transcripts.tables.cells import shown
from fliptrace.transcripts.tables.column import Row
from fliptrace.transcripts.tables.column_names import has_alias, is_flag, known_roles
from fliptrace.transcripts.tables.dialogues import select_dialogue
from fliptrace.transcripts.tables.record_lists import LISTS, Group, List, find_lists, lists_within, names_speaker
from fliptrace.transcripts.tables.record_shapes import (
    SAMPLE,
    columns_of,
    flattened,
    have_one_key,
    named_lines,
    rows_of_one_key,
    table_of_lists,
)
from fliptrace.transcripts.tables.rows import read_rows


def read_json(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per object of the list."""
    value = source.json
    is_other = isinstance(value, list) and (table_of_lists(value) or named_lines(value))
    listed = List("", "", value, {}) if isinstance(value, list) and not is_other else None
    found = find_lists(value, listed)
    if found is None:
        raise _nothing_found(value, source)
    return iter(with_names(_read(found, source), source))


def read_jsonl(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per line; blank lines are skipped. Lines with a list of utterances are dialogues."""
    if source.text.count("\n") > 2 * MAX_ROWS:
        raise source.error("", f"over {MAX_ROWS:,} rows; expected one dialogue per file")
    source.refuse_too_many("{[", "object")
    parsed: list[Row] = []
    for number, line in enumerate(source.text.split("\n"), start=1):
        if line.strip():
            parsed.append(Row(f"line {number}", parse_json(line, source.name, number)))
        if len(parsed) > MAX_ROWS:
            raise source.error("", f"over {MAX_ROWS:,} rows; expected one dialogue per file")
    if not parsed:
        raise source.error("", "empty; expected an object for each utterance")
    if not all(isinstance(record, str) for _, record in parsed):
        _check_objects(parsed, source)
    found = find_lists([record for _, record in parsed], None)
    if found is None or not found.path:
        return _read_rows(parsed, source)
    return _read(found, source)


def _read(group: Group, source: Source) -> Iterator[RawUtterance]:
    if names_speaker(group) and "speaker" not in known_roles(group.columns()):
        above = [key for key, value in group.lists[0].above.items() if has_alias(key, "speaker") or is_flag(key)]
        rows = [
            Row(place, {key: each.above.get(key) for key in above} | dict(record))
            for each in group.lists
            for place, record in each.rows()
        ]
        return _read_rows(rows, source)
    if len(group.lists) == 1 and source.part != group.lists[0].name:
        return _read_rows(group.lists[0].rows(), source)  # a column may name the dialogues
    rows = [row for each in group.lists for row in each.rows()]
    names = [name for each, name in zip(group.lists, _unique(group), strict=True) for _ in each.elements]
    return _read_rows(list(select_dialogue(rows, names, "the file", source)), source, is_selected=True)


def _read_rows(rows: list[Row], source: Source, is_selected: bool = False) -> Iterator[RawUtterance]:
    if not rows:
        raise source.error("", "empty; expected an object for each utterance")
    _check_objects(rows, source)
    rows = rows_of_one_key(rows) if have_one_key(rows[:SAMPLE]) and not source.columns else flattened(rows)
    if is_selected:
        source.part = None
    return read_rows(rows, columns_of(rows), source)


def _check_objects(rows: Sequence[Row], source: Source) -> None:
    for place, record in rows:
        if not isinstance(record, dict):
            raise source.error(place, f"found {type(record).__name__}, expected an object")


def _unique(group: Group) -> list[str]:
    """The names of the lists, or their positions from 1 if names are missing or not unique."""
    names = [each.name for each in group.lists]
    if all(names) and len(set(names)) == len(names):
        return names
    return [str(number) for number in range(1, len(names) + 1)]


def _nothing_found(value: Any, source: Source) -> InputError:
    found = f"an object with {shown(value)}" if isinstance(value, dict) else type(value).__name__
    expected = f"a list of objects, or an object that contains one as {', '.join(LISTS)}"
    return source.error("", f"found {found}, expected {expected}")


def _sniff_json(source: Source) -> Evidence:
    value = source.json_or_none
    if value is None:
        return NO_EVIDENCE
    has_list = next(lists_within(value), None) is not None
    return Evidence(0.5, "a list of objects") if has_list else NO_EVIDENCE


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
