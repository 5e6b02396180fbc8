"""Interface of the transcript readers: their input (`Source`), output (`RawUtterance`) and description (`Reader`).

A reader only finds the utterances in a file. Cleaning, names, times and limits are handled by `assemble`, in the same
way for every format.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from fliptrace.core.errors import InputError
from fliptrace.transcripts.decode import decode, kind_of_binary

MAX_ROWS = 200_000  # a table may contain many dialogues; MELD's largest file has 9,989 rows
MAX_COLUMNS = 1_000  # of a table, or keys of the objects of a list
MAX_LINES = 300_000  # of a text or of subtitles; 20,000 utterances of a name, times and lines of text take half as many
MAX_PARTS = 500_000  # objects and lists of JSON, tags of XML; a day of talk has about 200,000 words with times
MAX_UTTERANCES = 20_000  # in one dialogue: a day of uninterrupted talk
MAX_CHARACTERS = 10_000  # in one utterance: ten minutes of speech; a longer one is split at sentences
_LONG_JSON = 1_000_000  # characters, for which `json` takes about as long as the import of Pydantic's parser


@dataclass(frozen=True, slots=True)
class RawUtterance:
    """An utterance as found in a file, neither cleaned nor checked. `place` is "line 12" or "segment 3".

    `start` and `end` are seconds or clock times that begin at zero, as numbers or text, or a datetime if the file has
    wall-clock times; None and blank text mean that the time is missing. Units belong to the format: a reader of
    milliseconds converts them.
    """

    place: str
    text: str
    speaker: str | None = None
    start: object = None
    end: object = None
    emotion: str | None = None
    cues: tuple[str, ...] = ()


class LeftOut(NamedTuple):
    """Something in the file that is not speech, or could not be read: where, what, and why (a plural noun)."""

    place: str
    text: str
    why: str


class Evidence(NamedTuple):
    """How well a file fits a format: `strength` from 0 (not at all) to 1 (unmistakable), and what was seen.

    As a scale: 1 a signature that no other format has (`WEBVTT`, `{\\rtf`); 0.9 the structure of this very product; 0.7
    a pattern over most lines of the file; 0.5 a general structure that many tools write (a list of objects with a text
    and a speaker); 0.3 a pattern over some lines.
    """

    strength: float
    seen: str = ""


NO_EVIDENCE = Evidence(0.0)


@dataclass
class Source:
    """A file with the options of the user. `name` is used in errors; `content` is text, or bytes yet to be decoded.

    `part`, the part of the path after #, selects one dialogue of several. `speakers` are names that the user says are
    speakers. `is_format_given`: the user named the format, so it is used even if the file looks different.
    Readers append to `notes`, and record everything they skip with `leave_out`.
    """

    name: str
    content: str | bytes
    columns: Mapping[str, str] = field(default_factory=dict)
    part: str | None = None
    speakers: tuple[str, ...] = ()
    is_format_given: bool = False
    notes: list[str] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)

    @cached_property
    def data(self) -> bytes:
        """The file as bytes."""
        return self.content if isinstance(self.content, bytes) else self.content.encode("utf-8", "surrogatepass")

    @cached_property
    def text(self) -> str:
        """The file as text with newlines as line ends; InputError if it is not text."""
        if isinstance(self.content, str):
            return self.content
        decoded = decode(self.content, self.name)
        if decoded.guessed is not None:
            self.notes.append(f"not UTF-8: read as {decoded.guessed}, which is a guess; check the accented letters")
        return decoded.text

    @cached_property
    def lines(self) -> list[str]:
        """The lines of the text, without their ends; InputError if there are too many. Line numbers count from 1."""
        if self.text.count("\n") > MAX_LINES:
            raise self.error("", f"over {MAX_LINES:,} lines; expected one dialogue per file")
        return self.text.split("\n")

    def first_lines(self, number: int) -> list[str]:
        return self.text.split("\n", number)[:number]

    def refuse_too_many(self, signs: str, noun: str) -> None:
        """Raise an InputError if the text holds more than MAX_PARTS of these signs, each of which begins a `noun`."""
        if sum(map(self.text.count, signs)) > MAX_PARTS:
            raise self.error("", f"over {MAX_PARTS:,} {noun}s; expected one dialogue per file")

    @cached_property
    def is_binary(self) -> bool:
        """Whether the file is a known binary format or markup that is not read as text (Office, PDF, ZIP)."""
        return isinstance(self.content, bytes) and kind_of_binary(self.content) is not None

    @cached_property
    def json(self) -> Any:
        """The text as JSON; InputError names the line and column of a syntax error, or if there are too many values."""
        self.refuse_too_many("{[", "object")
        return parse_json(self.text, self.name, 1)

    @cached_property
    def json_or_none(self) -> Any:
        """The text as JSON if it is a list or an object, else None; InputError if it holds too many of them."""
        if not self.text.lstrip().startswith(("[", "{")):
            return None
        self.refuse_too_many("{[", "object")
        try:
            return self.json
        except InputError:
            return None

    def leave_out(self, place: str, text: str, why: str) -> None:
        """Record something that is not part of the dialogue. Notes count these by `why`, such as "system messages"."""
        self.left_out.append(LeftOut(place, text, why))

    def error(self, place: str, message: str) -> InputError:
        return InputError(f"{self.name} {place}".strip(), message)

    def refuse_part(self, format: str) -> None:
        """Raise an InputError if a dialogue was requested by #; for formats that contain only one dialogue."""
        if self.part is not None:
            raise self.error("", f"{format} contains only one dialogue; expected the path without #{self.part}")


class Extracted(NamedTuple):
    """The text of a document, and the suffix of a text file with such content (".txt", ".csv", ".json")."""

    text: str
    suffix: str


@dataclass(frozen=True, slots=True)
class Reader:
    """One format. `sniff` says how well a file fits it; `read` yields utterances in order or raises InputError.

    `name` is what --format takes, `title` what people call the format, `example` a few lines of it. `extra` is the
    optional dependency it needs. `has_columns`: the format has named columns, which the user may assign to roles.
    `has_cues`: short words in brackets are cues, not speech. `is_binary`: it reads `Source.data`, not text.
    `is_chat`: utterances have wall-clock times and are put in the order of time. `extract`: the file is a document;
    its text is then read by the format that fits it, and `read` is not used.
    """

    name: str
    suffixes: tuple[str, ...]
    sniff: Callable[[Source], Evidence]
    read: Callable[[Source], Iterable[RawUtterance]]
    title: str = ""
    example: str = ""
    extra: str = ""
    has_columns: bool = False
    has_cues: bool = False
    is_binary: bool = False
    is_chat: bool = False
    extract: Callable[[Source], Extracted] | None = None


@contextmanager
def collection_paused() -> Iterator[None]:
    """Pause the search for cyclic garbage, which takes a third of the time where millions of objects are made."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def count(number: int, noun: str) -> str:
    """A number and its noun in a note.

    >>> count(1, "cue"), count(2_000, "cue")
    ('1 cue', '2,000 cues')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def parse_json(text: str, name: str, first_line: int) -> Any:
    """Parse JSON from a file; `first_line` is the line of the file on which `text` begins."""
    try:
        return _parse(text)
    except json.JSONDecodeError as error:
        place = f"{name} line {first_line + error.lineno - 1} column {error.colno}"
        raise InputError(place, f"not JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:  # numbers with thousands of digits; very deep nesting
        raise InputError(f"{name} line {first_line}", f"unreadable JSON: {error}") from error


def _parse(text: str) -> Any:
    """Parse JSON; a long text by Pydantic's parser, which takes half the time of `json` and accepts nearly the same."""
    if len(text) >= _LONG_JSON:
        from pydantic_core import from_json

        try:
            return from_json(text, cache_strings="keys")
        except (ValueError, TypeError):  # a syntax error, which `json` describes better; deep nesting; a lone surrogate
            pass
    return json.loads(text)
