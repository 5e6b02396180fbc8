"""Interface of the transcript readers: their input (`Source`), output (`RawUtterance`) and description (`Reader`).

A reader only finds the utterances in a text. Cleaning, names, times and limits are handled by `assemble`, in the same
way for every format.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from fliptrace.core.errors import InputError

MAX_BYTES = 20_000_000  # hours of speech take under 1 MB, or about 10 MB with the times of words
MAX_ROWS = 200_000  # a table may contain many dialogues; MELD's largest file has 9,989 rows
MAX_UTTERANCES = 20_000  # in one dialogue: a day of uninterrupted talk
MAX_CHARACTERS = 10_000  # in one utterance: ten minutes of speech; more suggests the wrong format


@dataclass(frozen=True, slots=True)
class RawUtterance:
    """An utterance as found in a file, neither cleaned nor checked. `place` is "line 12" or "segment 3".

    `start` and `end` are seconds or clock times, as numbers or text; None and blank text mean that the time is missing.
    """

    place: str
    text: str
    speaker: str | None = None
    start: object = None
    end: object = None
    emotion: str | None = None
    cues: tuple[str, ...] = ()


@dataclass
class Source:
    """A decoded file with the options of the user. `name` is used in errors; `text` has newlines as line ends.

    `part`, the part of the path after #, selects one dialogue of several. Readers append to `notes`.
    """

    name: str
    text: str
    columns: Mapping[str, str] = field(default_factory=dict)
    part: str | None = None
    notes: list[str] = field(default_factory=list)

    @cached_property
    def json(self) -> Any:
        """The text as JSON; InputError names the line and column of a syntax error."""
        return parse_json(self.text, self.name, 1)

    @cached_property
    def json_or_none(self) -> Any:
        """The text as JSON if it is a list or an object, else None."""
        if not self.text.lstrip().startswith(("[", "{")):
            return None
        try:
            return self.json
        except InputError:
            return None

    def error(self, place: str, message: str) -> InputError:
        return InputError(f"{self.name} {place}".strip(), message)

    def refuse_part(self, format: str) -> None:
        """Raise an InputError if a dialogue was requested by #; for formats that contain only one dialogue."""
        if self.part is not None:
            raise self.error("", f"{format} contains only one dialogue; expected the path without #{self.part}")


@dataclass(frozen=True, slots=True)
class Reader:
    """One format. `fits` tells whether a text clearly has it; `read` yields utterances in order or raises InputError.

    `has_columns` means that the format has named columns, which the user may assign to roles. `has_cues` means that
    short words in brackets are cues, not speech.
    """

    name: str
    suffixes: tuple[str, ...]
    fits: Callable[[Source], bool]
    read: Callable[[Source], Iterable[RawUtterance]]
    has_columns: bool = False
    has_cues: bool = False


def parse_json(text: str, name: str, first_line: int) -> Any:
    """Parse JSON from a file; `first_line` is the line of the file on which `text` begins."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"{name} line {first_line + error.lineno - 1} column {error.colno}"
        raise InputError(place, f"not JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:  # numbers with thousands of digits; very deep nesting
        raise InputError(f"{name} line {first_line}", f"unreadable JSON: {error}") from error
