"""Times of subtitles, read tolerantly: `00:00:01,000`, `0:01.5`, `1:02:03`, `00:00:01:500`, `00: 00: 01, 000`.

An unreadable time is None, never an error: the text of a subtitle with a broken time is still speech.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_TIME = (
    r"\d{1,3}\s{0,2}:\s{0,2}\d{1,3}(?:\s{0,2}:\s{0,2}\d{1,2}(?!\d))?(?:\s{0,2}[.,:;]\s{0,2}\d{1,9}|[.,](?=[\s-]|$))?"
)
_ARROW = r"(?:-{1,3}\s?-?>|[–—−]{1,2}>|→)"
_TIME_LINE = re.compile(rf"\s{{0,40}}({_TIME})\s{{0,20}}{_ARROW}\s{{0,20}}({_TIME})(?![\d:])(.*)")
_EXACT = re.compile(r"(\d{2,3}):([0-5]\d):([0-5]\d)[.,](\d{3}) --> (\d{2,3}):([0-5]\d):([0-5]\d)[.,](\d{3})", re.ASCII)
# A damaged arrow: only if the line has nothing but two times, or one time with milliseconds.
_TWO_TIMES = re.compile(rf"\s{{0,40}}({_TIME})\s{{0,9}}(?:[-–—~>,]{{1,4}}|\s|to)\s{{0,9}}({_TIME})\s{{0,40}}")
_ONE_TIME = re.compile(r"\s{0,40}(\d{1,2}:\d{2}:\d{2}[.,]\d{3})\s{0,40}")
# A damaged time: an arrow between two short words, one of which looks like a time or a missing number.
_DAMAGED = re.compile(r"\s{0,40}([^\s\[\]()<>]{0,24})\s{0,20}-->\s{0,20}([^\s\[\]()<>]{0,24})(.*)")
_LIKE_TIME = re.compile(
    r"(?i)-?[\dx?]{1,3}:.*|.*:[\dx?]{1,3}(?:[.,].*)?|\d{1,6}(?:[.,]\d{0,9})?s?|nan.*|null|undefined"
)
_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,3}):(\d{1,2})(?:[.,](\d{0,9})|[:;](\d{1,9}))?")
_SECONDS = re.compile(r"\d{1,6}(?:[.,]\d{0,9})?s?")

FRAMES_PER_SECOND = 25  # of `00:00:01:12`, if the file gives no rate; a wrong rate errs by under a fifth of a second


class TimeLine(NamedTuple):
    """A line with the times of a subtitle: its start and end in seconds, None if unreadable, and what follows."""

    start: float | None
    end: float | None
    rest: str


def read_time_line(line: str) -> TimeLine | None:
    """Parse a line with times; None if the line is something else.

    >>> read_time_line("0:03.000-->1:00:04,5 align:start")
    TimeLine(start=3.0, end=3604.5, rest='align:start')
    >>> read_time_line("00:00:0x,000 --> 00:00:02,000").start is None, read_time_line("see 10:30 --> it") is None
    (True, True)
    """
    exact = _EXACT.fullmatch(line)
    if exact is not None:  # most lines; the rest takes five times as long
        hours, minutes, seconds, thousandths, *end = map(int, exact.groups())
        start = ((hours * 60 + minutes) * 60 + seconds) * 1000 + thousandths
        finish = ((end[0] * 60 + end[1]) * 60 + end[2]) * 1000 + end[3]
        return TimeLine(start / 1000, finish / 1000, "")
    found = _TIME_LINE.match(line)
    if found is None and "-->" in line:
        found = _DAMAGED.fullmatch(line)
        if found is None or not (_LIKE_TIME.fullmatch(found[1]) or _LIKE_TIME.fullmatch(found[2])):
            return None
    if found is not None:
        return TimeLine(seconds_of(found[1]), seconds_of(found[2]), found[3].strip())
    if len(line) > 100 or not line.lstrip()[:1].isdigit():
        return None
    found = _TWO_TIMES.fullmatch(line) if line.count(":") >= 4 else None
    if found is not None:
        return TimeLine(seconds_of(found[1]), seconds_of(found[2]), "")
    alone = _ONE_TIME.fullmatch(line)
    return None if alone is None else TimeLine(seconds_of(alone[1]), None, "")


def seconds_of(text: str) -> float | None:
    """Seconds of a clock time or of a plain number; None if it is neither.

    >>> seconds_of("01:02:03,5"), seconds_of("2:03"), seconds_of("00:00:01:500"), seconds_of("12.5"), seconds_of("x")
    (3723.5, 123.0, 1.5, 12.5, None)
    """
    text = re.sub(r"\s", "", text)
    clock = _CLOCK.fullmatch(text)
    if clock is None:
        return float(text.rstrip("s").replace(",", ".")) if _SECONDS.fullmatch(text) else None
    hours, minutes, seconds = int(clock[1] or 0), int(clock[2]), int(clock[3])
    if seconds >= 60 or (clock[1] and minutes >= 60):
        return None
    whole = hours * 3600 + minutes * 60 + seconds
    if clock[5] is not None and len(clock[5]) < 3:
        return whole + min(int(clock[5]) / FRAMES_PER_SECOND, 0.99)
    return float(f"{whole}.{clock[4] or clock[5] or 0}")
