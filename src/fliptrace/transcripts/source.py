"""What a reader of transcripts is given, what it gives back, and what it is. Not the readers themselves.

A reader finds utterances in a text and nothing more: cleaning, names, times and limits are `assemble`'s, the same for
every format.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from fliptrace.core.errors import InputError

MAX_BYTES = 20_000_000  # hours of speech are well under a megabyte, word times included some ten
MAX_ROWS = 200_000  # a table or list may hold many dialogues; MELD's largest file has 9,989 rows
MAX_UTTERANCES = 20_000  # of one dialogue: a day of talk without a break
MAX_CHARACTERS = 10_000  # of one utterance: ten minutes of speech; more is a file read in the wrong way


@dataclass(frozen=True, slots=True)
class RawUtterance:
    """An utterance as a file gives it, nothing cleaned, nothing checked. `place` is "line 12" or "segment 3".

    `start` and `end` are seconds or clock times, as numbers or text; None and blank text are missing.
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
    """A decoded file: `name` for errors, `text` with line ends as newlines, and what the user asked for.

    `part` is what stands behind # in the path and names one dialogue of several; readers write into `notes`.
    """

    name: str
    text: str
    columns: Mapping[str, str] = field(default_factory=dict)
    part: str | None = None
    notes: list[str] = field(default_factory=list)

    @cached_property
    def json(self) -> Any:
        """The text as JSON; InputError names line and column of what is broken."""
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
        """InputError where one dialogue is asked for in a file that cannot hold several."""
        if self.part is not None:
            raise self.error("", f"{format} holds one dialogue; expected the path without #{self.part}")


@dataclass(frozen=True, slots=True)
class Reader:
    """One format. `fits` says whether a text is clearly in it; `read` gives the utterances in order, or InputError.

    `has_columns`: what is read has named columns, so that the user may name them. `has_cues`: short words in brackets
    are cues there, not speech.
    """

    name: str
    suffixes: tuple[str, ...]
    fits: Callable[[Source], bool]
    read: Callable[[Source], Iterable[RawUtterance]]
    has_columns: bool = False
    has_cues: bool = False


def parse_json(text: str, name: str, first_line: int) -> Any:
    """JSON out of a file; `first_line` is where the text begins in it."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"{name} line {first_line + error.lineno - 1} column {error.colno}"
        raise InputError(place, f"not JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits; thousands of nested brackets
        raise InputError(f"{name} line {first_line}", f"not JSON that can be read: {error}") from error
