"""Parsed cues: the interface between the readers of subtitle formats and the steps that they share."""

from __future__ import annotations

from typing import NamedTuple


class Line(NamedTuple):
    """A line of a cue as plain text.

    `voice` is the speaker in a field or tag of the format: "" if that is empty, None if there is none.
    """

    text: str
    voice: str | None = None


class Cue(NamedTuple):
    """The lines that are shown at one time. `start` and `end` are seconds, None if they are missing or unreadable."""

    place: str
    start: float | None
    end: float | None
    lines: tuple[Line, ...]
