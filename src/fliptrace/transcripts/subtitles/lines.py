"""Cues of subtitles as parsed: the interface between the parsers of formats and what they share."""

from __future__ import annotations

from typing import NamedTuple


class Line(NamedTuple):
    """A line of a cue as plain text. `voice` is the speaker whom the format itself names: "" if it names nobody, None
    if it does not say."""

    text: str
    voice: str | None = None


class Cue(NamedTuple):
    """What is shown at one time. `start` and `end` are seconds, None if they are missing or unreadable."""

    place: str
    start: float | None
    end: float | None
    lines: tuple[Line, ...]


def count(number: int, noun: str) -> str:
    """A number and its noun, as in "1 cue" and "2 cues"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
