"""Readers for JSON and JSONL: a list of objects, one per utterance, or an object that contains such a list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fliptrace.core.errors import InputError
from fliptrace.transcripts.source import MAX_ROWS, NO_EVIDENCE, Evidence, RawUtterance, Reader, Source, parse_json
from fliptrace.transcripts.tables.rows import Row, read_rows, shown

_LISTS = (
    *("utterances", "segments", "messages", "turns", "transcript", "dialogue", "conversation", "conversations"),
    *("entries", "items", "lines", "results", "data"),
)
_MAX_DEPTH = 3  # {"results": {"utterances": [...]}} and the like


def read_json(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per object of the list."""
    records = _find_records(source.json, _MAX_DEPTH)
    if records is None:
        found = f"an object with {shown(source.json)}" if isinstance(source.json, dict) else type(source.json).__name__
        expected = f"a list of objects, or an object that contains one as {', '.join(_LISTS)}"
        raise source.error("", f"found {found}, expected {expected}")
    return _read([(f"item {number}", record) for number, record in enumerate(records, start=1)], source)


def read_jsonl(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per line; blank lines are skipped."""
    if source.text.count("\n") > 2 * MAX_ROWS:
        raise source.error("", f"over {MAX_ROWS:,} rows; expected one dialogue per file")
    lines = enumerate(source.text.split("\n"), start=1)
    parsed = [(f"line {n}", parse_json(line, source.name, n)) for n, line in lines if line.strip()]
    return _read(parsed, source)


def _read(records: list[tuple[str, Any]], source: Source) -> Iterator[RawUtterance]:
    rows: list[Row] = []
    found: dict[str, None] = {}
    for place, record in records:
        if not isinstance(record, dict):
            raise source.error(place, f"found {type(record).__name__}, expected an object")
        found |= dict.fromkeys(record)
        rows.append(Row(place, record))
    if not rows:
        raise source.error("", "empty; expected an object for each utterance")
    return read_rows(rows, list(found), source)


def _find_records(value: Any, depth: int) -> list[Any] | None:
    if isinstance(value, list):
        return value
    if not isinstance(value, dict) or not depth:
        return None
    inside = (_find_records(value[key], depth - 1) for key in _LISTS if key in value)
    return next((records for records in inside if records is not None), None)


def _sniff_json(source: Source) -> Evidence:
    records = _find_records(source.json_or_none, _MAX_DEPTH)
    if not records or not isinstance(records[0], dict):
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
