"""Times in transcripts: seconds, or clock times that start at zero."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

MAX_SECONDS = 7 * 24 * 3600.0  # a larger number is a date (seconds since 1970) or milliseconds

CLOCK = r"\d{1,3}:\d{1,2}(?::\d{1,2})?(?:[.,]\d{1,9})?"
_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,3}):(\d{1,2}(?:[.,]\d{1,9})?)")
_SECONDS = re.compile(r"[+-]?\d{1,18}(?:[.,]\d{0,18})?\s?s?|[+-]?[.,]\d{1,18}")


Start = TypeVar("Start", float, datetime)


def indices_in_time(starts: Sequence[Start | None]) -> list[int]:
    """The indices of starts in the order of time; a missing start stays behind the one before it.

    >>> indices_in_time([7.0, None, 2.0, 5.0])
    [2, 3, 0, 1]
    """
    known = [start for start in starts if start is not None]
    if not known:
        return list(range(len(starts)))
    last = min(known)
    keys = [last := last if start is None else start for start in starts]
    return sorted(range(len(starts)), key=keys.__getitem__)


def read_time(raw: object, *, wall_clock: bool = False) -> float | None:
    """Parse a time to seconds from the beginning; None if it is missing, ValueError if it is invalid.

    Times of over a week are invalid, unless the file has wall-clock times, as chats have. A `timedelta` is a time since
    the first date in a file, so it may be over a week.

    >>> read_time("01:02:03,500"), read_time("2:03"), read_time("12.5 s"), read_time(7), read_time(" ")
    (3723.5, 123.0, 12.5, 7.0, None)
    """
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        return None
    if isinstance(raw, timedelta):
        raw, wall_clock = raw.total_seconds(), True
    seconds = _from_text(raw.strip()) if isinstance(raw, str) else _from_number(raw)
    if not 0 <= seconds <= (math.inf if wall_clock else MAX_SECONDS):  # NaN fails as well
        raise ValueError(f"{raw!r} is not a time within a dialogue")
    return seconds


def _from_text(text: str) -> float:
    clock = _CLOCK.fullmatch(text)
    if clock is not None:
        hours, minutes, seconds = int(clock[1] or 0), int(clock[2]), float(clock[3].replace(",", "."))
        return math.nan if seconds >= 60 or (clock[1] and minutes >= 60) else hours * 3600 + minutes * 60 + seconds
    if _SECONDS.fullmatch(text) is None:
        return math.nan
    return float(text.rstrip("s ").replace(",", "."))


def _from_number(raw: object) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return math.nan
    try:
        return float(raw)
    except OverflowError:
        return math.inf
