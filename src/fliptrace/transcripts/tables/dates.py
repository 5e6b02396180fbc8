"""Dates and times of day in the columns of tables: ISO 8601, e-mail and Twitter dates, local forms, seconds since 1970.

The form belongs to the column: whether 3/4 is a day in April or in March is decided by all of its values together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# Names of months that differ from English in their first three letters, in German, French, Spanish and Portuguese.
_MONTHS_ELSEWHERE = {
    **{"mär": 3, "mrz": 3, "mai": 5, "okt": 10, "dez": 12, "fév": 2, "fev": 2, "avr": 4, "juin": 6, "juil": 7},
    **{"aoû": 8, "déc": 12, "ene": 1, "abr": 4, "ago": 8, "dic": 12, "out": 10, "set": 9},
}

_SAMPLE = 200  # one of the first texts has to be a date, so that long columns of numbers are fast
_TIME = r"(\d{1,2})[:.](\d{2})(?:[:.](\d{2})(?:[.,](\d{1,9}))?)?\s?([ap]\.?\s?m\.?)?"
_CLOCK = re.compile(_TIME, re.IGNORECASE)
_NUMBERS = re.compile(rf"(\d{{1,4}})([./-])(\d{{1,2}})\2(\d{{1,4}})(?:,?\s{{1,3}}(?:at |um )?{_TIME})?", re.IGNORECASE)
_WEEKDAY = re.compile(r"[^\W\d_]{2,10}\.?,?\s(?=[^\W\d_]|\d)")
_WORDS = re.compile(
    r"(?:(?P<day>\d{1,2})(?:st|nd|rd|th|\.)?(?:\sde)?[\s-](?P<month>[^\W\d_]{3,10})\.?"
    r"|(?P<month2>[^\W\d_]{3,10})\.?\s(?P<day2>\d{1,2})(?:st|nd|rd|th)?)"
    rf"(?:,?(?:\sde)?[\s-](?P<year>\d{{4}}))?(?:,?\s(?:at |um )?{_TIME})?"
    r"(?P<rest>\s[+-]\d{4}(?:\s\d{4})?|\s(?:UTC|GMT|Z))?",
    re.IGNORECASE,
)
_UTC_OFFSET = re.compile(r"(?<=[\dM])\s?(?:UTC|GMT)?([+-])(\d{2}):?(\d{2})$")
_ZONE = re.compile(r"\s?(?:UTC|GMT|[A-Z]{3,4})$")


class Dates(NamedTuple):
    """The values of a column as dates, None where there is none, and a sentence if their form was a guess."""

    values: list[datetime | None]
    doubt: str = ""


def read_dates(values: Sequence[object], column: str) -> Dates | None:
    """Read a column of dates; None if fewer than four in five of its values are dates.

    >>> read_dates(["2025-01-04 10:00:00", "", "2025-01-04T10:01:00Z"], "sent").values[2]
    datetime.datetime(2025, 1, 4, 10, 1)
    >>> read_dates(["3/14/2025 1:05 PM"], "sent").values
    [datetime.datetime(2025, 3, 14, 13, 5)]
    >>> read_dates(["0:05", "12.5"], "start") is None
    True
    """
    texts = [value.strip() if isinstance(value, str) else "" for value in values]
    num_filled = sum(value is not None and value != "" for value in values)
    if not any(texts):
        return None
    first_texts = [text for text in texts if text][:_SAMPLE]
    if not any(_read(text, False) or _read(text, True) for text in first_texts):
        return None
    day_first, doubt = _day_first(texts, column)
    read = [_read(text, day_first) if text else None for text in texts]
    num_read = sum(date is not None for date in read)
    if num_read < 0.8 * num_filled or not num_read:
        return None
    return Dates(read, doubt if len({date.date() for date in read if date is not None}) > 1 else "")


def read_since_1970(values: Sequence[object]) -> list[datetime | None] | None:
    """Read a column of seconds, milliseconds or microseconds since 1970; None if it is not one of these.

    All values have to lie between 1990 and 2100, so times within a dialogue are never taken for dates.

    >>> read_since_1970([1736013720, None])
    [datetime.datetime(2025, 1, 4, 18, 2), None]
    >>> read_since_1970([12.5, 14]) is None
    True
    """
    numbers = [_number(value) for value in values]
    known = [number for number in numbers if number is not None]
    num_filled = sum(value not in (None, "") for value in values)
    if not known or len(known) < num_filled:
        return None
    for unit in (1, 1e3, 1e6):
        if all(631_152_000 <= number / unit < 4_102_444_800 for number in known):  # 1990 and 2100
            return [
                None if number is None else datetime(1970, 1, 1) + timedelta(seconds=number / unit)
                for number in numbers
            ]
    return None


def read_time_of_day(text: str) -> timedelta | None:
    """Read a time of day such as `10:02`, `10:02:05` or `1:02 PM`, counted from midnight; None if it is not one."""
    found = _CLOCK.fullmatch(text.strip())
    return None if found is None else _since_midnight(found.groups())


def _day_first(texts: Iterable[str], column: str) -> tuple[bool, str]:
    """Whether the day precedes the month in dates such as 3/4/2025, and a sentence if nothing tells."""
    found = [match for match in map(_NUMBERS.match, texts) if match is not None and len(match[1]) <= 2]
    if any(int(match[1]) > 12 for match in found):
        return True, ""
    if any(int(match[3]) > 12 for match in found) or not found:
        return False, ""
    day_first = found[0][2] == "." or (found[0][2] == "-" and found[0][5] is not None and found[0][9] is None)
    order = "day before month" if day_first else "month before day"
    return day_first, f"dates in column {column!r} such as {found[0][0]!r} are read with the {order}, which is a guess"


def _read(text: str, day_first: bool) -> datetime | None:
    if len(text) > 80:
        return None
    try:
        return _read_iso(text) or _read_numbers(text, day_first) or _read_words(text)
    except (ValueError, OverflowError):  # a day such as 31 February
        return None


def _read_iso(text: str) -> datetime | None:
    if not re.match(r"\d{4}-?\d{2}-?\d{2}(?:[T ]|$)", text):
        return None
    text = re.sub(r"(?<=\d)\s(?=[+-]\d{2}:?\d{2}$)", "", _ZONE.sub("", text))
    text = re.sub(r"([.,]\d{6})\d+", r"\1", text)
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        return None
    return date.astimezone(UTC).replace(tzinfo=None) if date.tzinfo else date


def _read_numbers(text: str, day_first: bool) -> datetime | None:
    offset = _UTC_OFFSET.search(text)
    text = text[: offset.start()] if offset else text
    found = _NUMBERS.fullmatch(_ZONE.sub("", text) if text[-1:].isupper() and not text.endswith(("AM", "PM")) else text)
    if found is None:
        return None
    first, second, third = int(found[1]), int(found[3]), int(found[4])
    if len(found[1]) == 4:
        year, month, day = first, second, third
    elif day_first:
        day, month, year = first, second, third
    else:
        month, day, year = first, second, third
    date = datetime(year + 2000 if year < 100 else year, month, day)
    date += _since_midnight(found.groups()[4:]) or timedelta()
    if offset is not None:
        hours = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        date += hours if offset[1] == "-" else -hours
    return date


def _read_words(text: str) -> datetime | None:
    """Dates with the name of a month, with or without a weekday: `Tue Oct 31 22:10:47 +0000 2017`, `4 Jan 2025`."""
    text = " ".join(text.split())
    found = _WORDS.fullmatch(text) or _WORDS.fullmatch(_WEEKDAY.sub("", text, count=1))
    if found is None:
        return None
    name = (found["month"] or found["month2"]).casefold()
    month = _MONTHS_ELSEWHERE.get(name[:4]) or _MONTHS_ELSEWHERE.get(name[:3])
    if month is None and name[:3] in _MONTHS:
        month = _MONTHS.index(name[:3]) + 1
    zone, _, late_year = (found["rest"] or "").strip().partition(" ")
    year = int(found["year"] or late_year or 2000)
    if month is None:
        return None
    times = found.groups()[5:10]
    date = datetime(year, month, int(found["day"] or found["day2"])) + (_since_midnight(times) or timedelta())
    if re.fullmatch(r"[+-]\d{4}", zone):
        hours = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5]))
        date += hours if zone[0] == "-" else -hours
    return date


def _since_midnight(groups: Sequence[str | None]) -> timedelta | None:
    hours, minutes, seconds, fraction, half = groups
    if hours is None:
        return None
    hour = int(hours)
    if half is not None:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * half.casefold().startswith("p")
    if hour > 24 or int(minutes or 0) > 59 or int(seconds or 0) > 60:
        return None
    return timedelta(hours=hour, minutes=int(minutes or 0), seconds=float(f"{seconds or 0}.{fraction or 0}"))


def _number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value) if abs(value) < 1e18 else None
    if isinstance(value, str) and re.fullmatch(r"\d{9,16}(?:\.\d{1,9})?", value.strip()):
        return float(value)
    return None
