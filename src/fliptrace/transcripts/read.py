"""From a file of any known format to one dialogue. A new format is one file beside this one, and one line below."""

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

# In the order in which they are asked whether a text is theirs; of those with one suffix the last takes what fits none.
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
    """The dialogue of a file, and notes on how it was read; InputError names what stands in the way.

    `format` is a name in `READERS`, told by suffix and content where None. `columns` names columns of tables and
    lists by their role: {"speaker": "caller", "text": "words"}. Behind the path, #NAME names one dialogue of several.
    """
    columns = _check_columns(columns or {})
    chosen = None if format is None else _reader_called(format)
    file, part = _locate(path)
    decoded = read_file(file)
    source = Source(file.name, decoded.text, columns, part)
    if decoded.guessed is not None:
        source.notes.append(f"not UTF-8: read as {decoded.guessed}, which is a guess; look at the accents")
    reader = chosen or detect(source, file.suffix)
    if columns and not reader.has_columns:
        raise source.error("", f"read as {reader.name}, which has no columns to name; expected csv, tsv, json or jsonl")
    utterances = assemble(reader.read(source), source, reader, emotion_set)
    name = clean(file.stem if part is None else f"{file.stem}#{part}") or "transcript"
    return Transcript(Dialogue(name, name, tuple(utterances), emotion_set), reader.name, tuple(source.notes))


def detect(source: Source, suffix: str) -> Reader:
    """The reader for a text: one of its suffix that fits it, else any that fits, else its suffix's, else plain text.

    >>> detect(Source("notes.txt", "WEBVTT\\n"), ".txt").name, detect(Source("notes", "Ana: Late."), "").name
    ('vtt', 'text')
    """
    able = [reader for reader in _READERS if reader.has_columns or not source.columns]
    named = [reader for reader in able if suffix.casefold() in reader.suffixes]
    fitting = next((reader for reader in (*named, *able) if reader.fits(source)), None)
    return fitting or [table.CSV if source.columns else text.READER, *named][-1]


def _locate(path: Path | str) -> _Located:
    """The file, and what stands behind # where that is not part of its name."""
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
