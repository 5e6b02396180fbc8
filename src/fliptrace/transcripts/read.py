"""Read a transcript file of any supported format as one dialogue.

To add a format, add a module with a `Reader` to this package and list the reader in `_READERS`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.emotion_sets import MASAC8, EmotionSet
from fliptrace.core.errors import InputError
from fliptrace.transcripts import efr, records, srt, table, text, vtt, whisperx
from fliptrace.transcripts.assemble import assemble, clean
from fliptrace.transcripts.decode import read_file
from fliptrace.transcripts.rows import ALIASES
from fliptrace.transcripts.source import Reader, Source
from fliptrace.transcripts.transcript import Transcript

# In the order in which `fits` is tried. If no reader fits, the last one with the suffix of the file is used.
_READERS = (
    vtt.READER,
    srt.READER,
    efr.READER,
    whisperx.READER,
    records.JSON,
    records.JSONL,
    table.TSV,
    table.CSV,
    text.READER,
)
READERS: Mapping[str, Reader] = {reader.name: reader for reader in _READERS}


class _Located(NamedTuple):
    path: Path
    part: str | None


def read_transcript(
    path: Path | str,
    *,
    format: str | None = None,
    columns: Mapping[str, str] | None = None,
    emotion_set: EmotionSet = MASAC8,
) -> Transcript:
    """Read one dialogue from a file, with notes on how it was read; InputError if that is not possible.

    `format` is a name in `READERS`; if None, it is detected from suffix and content. `columns` maps roles to the column
    names of a table or list: {"speaker": "caller", "text": "words"}. If a file contains several dialogues, append #NAME
    to the path to select one.
    """
    columns = _check_columns(columns or {})
    chosen = None if format is None else _reader_called(format)
    file, part = _locate(path)
    decoded = read_file(file)
    source = Source(file.name, decoded.text, columns, part)
    if decoded.guessed is not None:
        source.notes.append(f"not UTF-8: read as {decoded.guessed}, which is a guess; check the accented letters")
    reader = chosen or detect(source, file.suffix)
    if columns and not reader.has_columns:
        raise source.error("", f"read as {reader.name}, which has no columns; expected csv, tsv, json or jsonl")
    utterances = assemble(reader.read(source), source, reader, emotion_set)
    name = clean(file.stem if part is None else f"{file.stem}#{part}") or "transcript"
    return Transcript(Dialogue(name, name, tuple(utterances), emotion_set), reader.name, tuple(source.notes))


def detect(source: Source, suffix: str) -> Reader:
    """Choose the reader for a text.

    Readers that fit the content come first, those of the suffix before others. If none fits, the suffix decides. With
    an unknown suffix, the text is read as plain text, or as CSV if columns are given.

    >>> detect(Source("notes.txt", "WEBVTT\\n"), ".txt").name, detect(Source("notes", "Ana: Late."), "").name
    ('vtt', 'text')
    """
    able = [reader for reader in _READERS if reader.has_columns or not source.columns]
    named = [reader for reader in able if suffix.casefold() in reader.suffixes]
    fitting = next((reader for reader in (*named, *able) if reader.fits(source)), None)
    return fitting or [table.CSV if source.columns else text.READER, *named][-1]


def _locate(path: Path | str) -> _Located:
    """Split a path into the file and the part after #, unless # belongs to the name of an existing file."""
    path = Path(path)
    name, mark, part = path.name.rpartition("#")
    if mark and name and not path.exists():
        return _Located(path.with_name(name), part)
    return _Located(path, None)


def _reader_called(format: str) -> Reader:
    if format not in READERS:
        near = difflib.get_close_matches(format, READERS, n=1)
        meant = f" (did you mean {near[0]!r}?)" if near else ""
        raise InputError("format", f"found {format!r}, expected one of {', '.join(READERS)}{meant}")
    return READERS[format]


def _check_columns(columns: Mapping[str, str]) -> Mapping[str, str]:
    for role in columns:
        if role not in ALIASES:
            raise InputError("columns", f"found {role!r}, expected {', '.join(ALIASES)}")
    return columns
