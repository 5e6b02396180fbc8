"""All transcript formats, and the choice among them by evidence.

To add a format, add a module with a `Reader` to one of the folders and list the reader in the folder's `READERS`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import NamedTuple

from fliptrace.core.errors import InputError
from fliptrace.transcripts import annotation, chats, documents, plain, recognisers, subtitles, tables
from fliptrace.transcripts.decode import kind_of_binary
from fliptrace.transcripts.source import Evidence, Reader, Source

_FOLDERS = (subtitles, recognisers, chats, annotation, documents, tables, plain)
READERS: Mapping[str, Reader] = {reader.name: reader for folder in _FOLDERS for reader in folder.READERS}

# A suffix that belongs to a format outweighs doubt, but not a clear sign of another format.
_SUFFIX_BONUS = 0.2


class Candidate(NamedTuple):
    """A format that a file may have."""

    reader: Reader
    evidence: Evidence


def detect(source: Source, suffix: str) -> Reader:
    """Choose the reader with the strongest evidence; a suffix that belongs to the format counts too.

    InputError if the file is binary or markup, and no reader knows it.

    >>> detect(Source("notes.txt", "WEBVTT\\n"), ".txt").name, detect(Source("notes", "Ana: Late."), "").name
    ('vtt', 'text')
    """
    return rank(source, suffix, only_best=True)[0].reader


def rank(source: Source, suffix: str, *, only_best: bool = False) -> list[Candidate]:
    """All formats that the file may have, the likeliest first. Never empty.

    `only_best`: formats that cannot be the best are not looked at, which saves a fifth of the time of a subtitle file.
    """
    suffix = suffix.casefold()
    candidates: list[Candidate] = []
    is_decided = False
    for reader in READERS.values():
        if not _may_read(reader, source) or (is_decided and suffix not in reader.suffixes):
            continue
        evidence = reader.sniff(source)
        strength = evidence.strength + _SUFFIX_BONUS * (suffix in reader.suffixes)
        if strength:
            candidates.append(Candidate(reader, Evidence(strength, evidence.seen or f"the suffix {suffix}")))
        is_decided = is_decided or (only_best and strength >= 1.0)  # no format without the suffix can have more
    if not candidates and source.is_binary:
        kind = kind_of_binary(source.data)
        raise source.error("", f"this is {kind}; expected a transcript: save it as .txt, .csv or .vtt")
    if not candidates:  # columns are named, but nothing looks like a table
        return [Candidate(READERS["csv"], Evidence(0.0, "columns were named"))]
    # Of equally strong candidates, the more general one, which is listed later, makes the fewer assumptions.
    candidates.reverse()
    return sorted(candidates, key=lambda candidate: -candidate.evidence.strength)


def _may_read(reader: Reader, source: Source) -> bool:
    """Whether a reader can be tried. JSON, which may be one line of megabytes, is kept from readers of other text."""
    if reader.is_binary or source.is_binary:
        return reader.is_binary and source.is_binary
    is_json = source.json_or_none is not None
    return (reader.has_columns or not source.columns) and (not is_json or any("json" in s for s in reader.suffixes))


def reader_called(format: str) -> Reader:
    """The reader of that name; InputError names the nearest there is."""
    format = format.strip().casefold().replace("_", "-")
    if format not in READERS:
        near = difflib.get_close_matches(format, READERS, n=1)
        meant = f" (did you mean {near[0]!r}?)" if near else ""
        raise InputError("format", f"found {format!r}, expected one of {', '.join(READERS)}{meant}")
    return READERS[format]
