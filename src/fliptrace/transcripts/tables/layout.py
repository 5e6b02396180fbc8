"""The columns of a dialogue that were chosen for each role."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Layout(NamedTuple):
    """The columns of a dialogue. `texts` has several in the form with one column per speaker, and `speaker` is None."""

    texts: tuple[str, ...]
    speaker: str | None = None
    start: str | None = None
    end: str | None = None
    emotion: str | None = None
    duration: str | None = None
    date: str | None = None
    order: str | None = None
    names: Mapping[str, str] = {}  # of the values in the column of the speaker
    fallback: str | None = None  # the column of the speaker in rows where `speaker` is blank
