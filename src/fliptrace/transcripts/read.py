"""Read a transcript file of any supported format as one dialogue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePath
from typing import NamedTuple

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.emotion_sets import MASAC8, EmotionSet
from fliptrace.core.errors import InputError
from fliptrace.corpora.own_emotions import own_emotion_set
from fliptrace.transcripts.assemble import assemble, clean
from fliptrace.transcripts.decode import read_file
from fliptrace.transcripts.formats import READERS, Candidate, detect, rank, reader_called
from fliptrace.transcripts.source import Source, collection_paused
from fliptrace.transcripts.tables.aliases import ALIASES
from fliptrace.transcripts.transcript import Transcript

__all__ = ["READERS", "Explained", "explain_transcript", "parse_transcript", "read_transcript"]

_CORPUS_FILES = ("utterances.jsonl", "utterances.json")  # of ConvoKit, since version 2 and before


class Explained(NamedTuple):
    """A transcript, and the formats that its file may have, the likeliest first."""

    transcript: Transcript
    candidates: list[Candidate]


def explain_transcript(
    path: Path | str,
    *,
    format: str | None = None,
    columns: Mapping[str, str] | None = None,
    speakers: Sequence[str] = (),
) -> Explained:
    """Read a transcript as `read_transcript` does, and say which formats were considered."""
    file, part = _locate(path)
    with _depth_bounded(file.name):
        candidates = rank(Source(file.name, read_file(file), {}, part), file.suffix)
    return Explained(read_transcript(path, format=format, columns=columns, speakers=speakers), candidates)


class _Located(NamedTuple):
    path: Path
    part: str | None


def read_transcript(
    path: Path | str,
    *,
    format: str | None = None,
    columns: Mapping[str, str] | None = None,
    speakers: Sequence[str] = (),
    emotion_set: EmotionSet | None = None,
) -> Transcript:
    """Read one dialogue from a file, with notes on how it was read; InputError if that is not possible.

    `format` is a name in `READERS`; if None, it is detected from suffix and content. `columns` maps roles to the column
    names of a table or list: {"speaker": "caller", "text": "words"}. `speakers` are names that certainly are speakers.
    `emotion_set` has the labels of its emotions; None takes those declared beside the file (own_emotions.py), else
    MASAC8. If a file contains several dialogues, append #NAME to the path to select one.
    """
    file, part = _locate(path)
    return parse_transcript(
        read_file(file),
        file.name,
        part=part,
        format=format,
        columns=columns,
        speakers=speakers,
        emotion_set=emotion_set or own_emotion_set(file) or MASAC8,
    )


@collection_paused()
def parse_transcript(
    data: bytes,
    name: str,
    *,
    part: str | None = None,
    format: str | None = None,
    columns: Mapping[str, str] | None = None,
    speakers: Sequence[str] = (),
    emotion_set: EmotionSet = MASAC8,
) -> Transcript:
    """Read one dialogue from the content of a file, as `read_transcript` does.

    `name` is the file's name; it is never opened. `part` selects one of several dialogues.
    """
    columns = _check_columns(columns or {})
    chosen = None if format is None else reader_called(format)
    file = PurePath(name)
    source = Source(name, data, columns, part, tuple(speakers), chosen is not None)
    with _depth_bounded(source.name):
        reader = chosen or detect(source, file.suffix)
        inner = reader
        if reader.extract is not None:  # a document: its text is read by the format that fits it
            text, suffix = reader.extract(source)
            source = replace(source, content=text)
            inner = detect(source, suffix)
        if columns and not inner.has_columns:
            raise source.error("", f"read as {inner.name}, which has no columns; expected csv, tsv, json or jsonl")
        assembled = assemble(inner.read(source), source, inner, emotion_set)
    title = clean(file.stem if part is None else f"{file.stem}#{part}") or "transcript"
    dialogue = Dialogue(title, title, tuple(assembled.utterances), emotion_set)
    return Transcript(dialogue, reader.name, tuple(source.notes), tuple(assembled.places), tuple(source.left_out))


@contextmanager
def _depth_bounded(name: str) -> Iterator[None]:
    """InputError for lists and objects that are nested more deeply than any reader descends."""
    try:
        yield
    except RecursionError as error:
        raise InputError(name, "nested hundreds of levels deep; expected a transcript") from error


def _locate(path: Path | str) -> _Located:
    """Split a path into the file and the part after #, unless # belongs to the name of an existing file."""
    path = Path(path)
    name, mark, part = path.name.rpartition("#")
    if mark and name and not path.exists():
        return _Located(_in_corpus(path.with_name(name)), part)
    return _Located(_in_corpus(path), None)


def _in_corpus(path: Path) -> Path:
    """The file with the utterances if the path is the folder of a ConvoKit corpus, else the path as it is."""
    try:
        return next((file for name in _CORPUS_FILES if (file := path / name).is_file()), path)
    except OSError:  # such as a name that is too long; reading the file tells which
        return path


def _check_columns(columns: Mapping[str, str]) -> Mapping[str, str]:
    for role in columns:
        if role not in ALIASES:
            raise InputError("columns", f"found {role!r}, expected {', '.join(ALIASES)}")
    return columns
