"""Dates and clock times of chats: numeric dates of any order, AM and PM in many languages, ISO and Unix times.

All results are datetimes without a time zone. Only differences between the times of one file matter, so times with a
zone are converted to UTC, and times of the day without a date begin on an arbitrary day.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

_FORENOON = (
    "am|a.m.|a. m.|a.m|上午|午前|凌晨|早上|清晨|오전|ص|ق.ظ.|öö|dop.|de.|de|π.μ.|πμ|дп|fm|f.m.|vorm.|pg|sa|पूर्वाह्न|म.पू."
    '|לפנה״צ|לפנה"צ|முற்பகல்|пр.об.|pr.|pre podne|прије подне'
)
_AFTERNOON = (
    "pm|p.m.|p. m.|p.m|下午|午後|中午|晚上|오후|م|ب.ظ.|ös|odp.|du.|du|μ.μ.|μμ|пп|em|e.m.|nachm.|ptg|ch|अपराह्न|म.उ."
    '|אחה״צ|אחה"צ|பிற்பகல்|сл.об.|pop.|po podne|по подне|অপরাহ্ণ'
)
_IS_AFTERNOON = dict.fromkeys(_FORENOON.split("|"), False) | dict.fromkeys(_AFTERNOON.split("|"), True)
_HALF = "|".join(re.escape(half) for half in sorted(_IS_AFTERNOON, key=len, reverse=True))

# Fragments for the patterns of readers.
CLOCK = rf"(?:(?:{_HALF})\s?)?\d{{1,2}}[:.]\d{{2}}(?:[:.]\d{{2}})?(?:[.,]\d{{1,6}})?(?:\s?(?:{_HALF})(?!\w))?"
NUMERIC_DATE = r"\d{1,4}(?:[/-]|\.\s?|년\s?|年)\d{1,2}(?:[/-]|\.\s?|월\s?|月)\d{1,4}(?:\.|일|日)?"
NAMED_DATE = (
    r"(?:\d{1,2}\.?[\s-](?:de\s)?[^\W\d_]{3,10}\.?,?[\s-](?:de\s)?\d{2,4}"
    r"|[^\W\d_]{3,10}\.?\s{1,2}\d{1,2}(?:st|nd|rd|th)?,?\s\d{4})"
)
DATE = rf"(?:{NUMERIC_DATE}|{NAMED_DATE})"

_CLOCK = re.compile(rf"({_HALF})?\s?(\d{{1,2}})[:.](\d{{2}})(?:[:.](\d{{2}}))?(?:[.,](\d{{1,6}}))?\s?({_HALF})?")
_NUMBERS = re.compile(r"\d+")
_MONTHS = (
    ("jan", "ene", "gen", "янв", "oca"),
    ("feb", "fév", "fev", "фев", "şub"),
    ("mar", "mär", "mrz", "maa", "мар"),
    ("apr", "avr", "abr", "апр", "nis"),
    ("may", "mai", "mag", "mei", "maj", "май", "мая"),
    ("jun", "juin", "giu", "июн", "haz"),
    ("jul", "juil", "lug", "июл", "tem"),
    ("aug", "aoû", "aou", "ago", "авг", "ağu"),
    ("sep", "set", "сен", "eyl"),
    ("oct", "okt", "ott", "out", "окт", "eki"),
    ("nov", "ноя", "kas"),
    ("dec", "dez", "déc", "dic", "дек", "ara"),
)
_MONTH_OF = {name: number for number, names in enumerate(_MONTHS, start=1) for name in names}
_EPOCH = datetime(1970, 1, 1)
_ORDERS = ("dmy", "mdy", "ymd")
_IN_WORDS = {"dmy": "day, month, year", "mdy": "month, day, year", "ymd": "year, month, day"}


class WrittenDate(NamedTuple):
    """The three numbers of a date as written; `order` is known if the month is a word or the year comes first."""

    numbers: tuple[int, int, int]
    order: str | None = None
    separator: str = ""
    is_padded: bool = False


class DateOrder(NamedTuple):
    """The order of day, month and year in a file; `is_certain` if the dates of the file permit no other order."""

    order: str
    is_certain: bool

    def note(self, example: str) -> str:
        """The note on a file whose order is not certain; `example` is one of its dates."""
        return f"dates such as {example} are read as {_IN_WORDS[self.order]}; the file does not say which it is"


@lru_cache(maxsize=1 << 12)
def read_date(text: str) -> WrittenDate | None:
    """Parse a date as written; None if it is not one.

    >>> read_date("04.01.25").numbers, read_date("4 Jan 2025"), read_date("2025년 1월 4일").order
    ((4, 1, 25), WrittenDate(numbers=(4, 1, 2025), order='dmy', separator=' ', is_padded=False), 'ymd')
    """
    digits = _NUMBERS.findall(text)
    numbers = [int(number) for number in digits if len(number) <= 4]
    if len(numbers) == 3:
        separator = text[len(digits[0]) : len(digits[0]) + 1]
        order = "ymd" if len(digits[0]) > 2 else None
        is_padded = any(number.startswith(("0", "٠", "۰", "०")) for number in digits[:2])
        return WrittenDate((numbers[0], numbers[1], numbers[2]), order, separator, is_padded)
    word = re.search(r"[^\W\d_]{3,10}", text.replace(" de ", " "))
    month = None if word is None else _month(word[0])
    if len(numbers) != 2 or month is None:
        return None
    return WrittenDate((numbers[0], month, numbers[1]), "dmy", " ")


def _month(word: str) -> int | None:
    word = word.casefold()
    return _MONTH_OF.get(word[:4]) or _MONTH_OF.get(word[:3])


def find_order(dates: Sequence[WrittenDate], usual: str = "dmy") -> DateOrder:
    """Choose the order of day, month and year for all dates of a file.

    An order in which dates are invalid is ruled out. Otherwise dates with points are never month first; next, dates
    should run in one direction and lie close together; if that does not decide, `usual` is taken.

    >>> written = [read_date("1/4/25"), read_date("1/13/25")]
    >>> find_order(written)
    DateOrder(order='mdy', is_certain=True)
    """
    distinct = list(dict.fromkeys(each for each in dates if each.order is None))
    if not distinct:
        return DateOrder(dates[0].order or "dmy" if dates else "dmy", True)
    num_invalid = {order: sum(to_date(each, order) is None for each in distinct) for order in _ORDERS}
    if distinct[0].separator != "-" and 2 * min(num_invalid["dmy"], num_invalid["mdy"]) <= len(distinct):
        del num_invalid["ymd"]  # a year of two digits stands last, unless most dates rule that out
    fewest = min(num_invalid.values())
    possible = [order for order, number in num_invalid.items() if number == fewest]
    if len(possible) == 1:
        return DateOrder(possible[0], True)
    if distinct[0].separator == "." and "dmy" in possible:
        return DateOrder("dmy", True)
    if len(distinct) == 1:
        return DateOrder(usual if usual in possible else possible[0], True)  # one day, whichever it is
    steps = {order: _steps(dates, order) for order in possible}
    best = min(possible, key=lambda order: (*steps[order], order != usual))
    usual = usual if usual in possible else best
    is_better = steps[best].num_back < steps[usual].num_back or 3 * steps[best].num_days < steps[usual].num_days
    return DateOrder(best if is_better else usual, False)


class _Steps(NamedTuple):
    """How often dates go against their main direction, and the days between consecutive dates in total."""

    num_back: int
    num_days: int


def _steps(dates: Iterable[WrittenDate], order: str) -> _Steps:
    ordinals = [day.toordinal() for day in (to_date(each, order) for each in dates) if day is not None]
    changes = [after - before for before, after in pairwise(ordinals) if before != after]
    back = sum(change < 0 for change in changes)
    return _Steps(min(back, len(changes) - back), sum(map(abs, changes)))


def to_date(written: WrittenDate, order: str) -> date | None:
    """The day of a written date; None if it is not in the calendar. Years may be of the Buddhist or Iranian era."""
    numbers = dict(zip(written.order or order, written.numbers, strict=True))
    year, month, day = numbers["y"], numbers["m"], numbers["d"]
    year += 2000 if year < 100 else 0
    year -= 543 if 2400 < year < 2700 else 0
    if 1300 < year < 1500 and 1 <= month <= 12 and 1 <= day <= 31:  # Iranian: six months of 31 days, then of 30
        months = (month - 1) * 31 if month <= 7 else (month - 1) * 30 + 6
        return date.fromordinal(226894 + 365 * (year - 1) + (8 * year + 21) // 33 + months + day)
    try:
        return date(year, month, day) if 1980 <= year <= 2100 else None
    except ValueError:
        return None


def read_day(text: str, order: str) -> date | None:
    """Parse a date written in an order of day, month and year; None if it is not one.

    >>> read_day("1/4/25", "mdy"), read_day("soon", "mdy")
    (datetime.date(2025, 1, 4), None)
    """
    written = read_date(text)
    return None if written is None else to_date(written, order)


@lru_cache(maxsize=1 << 12)
def read_clock(text: str) -> timedelta | None:
    """Parse a time of the day as the time since midnight; None if it is not one.

    >>> read_clock("7:02 p. m."), read_clock("下午7:02:10"), read_clock("25:00")
    (datetime.timedelta(seconds=68520), datetime.timedelta(seconds=68530), None)
    """
    found = _CLOCK.fullmatch(" ".join(text.casefold().split()))
    if found is None:
        return None
    hour, minute, second = int(found[2]), int(found[3]), int(found[4] or 0)
    half = found[1] or found[6]
    if half is not None and 1 <= hour <= 12:
        hour = hour % 12 + 12 * _IS_AFTERNOON[half]
    if hour > 23 or minute > 59 or second > 59:
        return None
    micros = int((found[5] or "0").ljust(6, "0"))
    return timedelta(hours=hour, minutes=minute, seconds=second, microseconds=micros)


def at(day: date | None, clock: timedelta | None) -> datetime | None:
    """The moment of a day and a time since midnight; None if either is unknown."""
    return None if day is None or clock is None else datetime(day.year, day.month, day.day) + clock


class DayClock:
    """Gives clock times without a date a day: when the clock goes back by over an hour, the next day has begun."""

    def __init__(self) -> None:
        self.day = datetime(2000, 1, 1)
        self.num_midnights = 0
        self._last: timedelta | None = None
        self._is_named = False  # whether the file has named a day
        self._shift = timedelta(0)  # from the days that the file names to those of `moment`

    def moment(self, clock: timedelta) -> datetime:
        if self._last is not None and self._last - clock > timedelta(hours=1):
            self.day += timedelta(days=1)
            self.num_midnights += 1
        self._last = clock
        return self.day + clock

    def set_day(self, day: date) -> None:
        """Continue on a day that the file names. The first one follows the day of the messages before it."""
        named = datetime(day.year, day.month, day.day)
        if not self._is_named and self._last is not None:
            self._shift = self.day + timedelta(days=1) - named
        self._is_named, self._last = True, None
        self.day = named + self._shift


def from_iso(value: object) -> datetime | None:
    """Parse an ISO 8601 time; None if it is not one. Times with a zone become UTC.

    >>> from_iso("2025-01-04T19:02:00+01:00"), from_iso("soon")
    (datetime.datetime(2025, 1, 4, 18, 2), None)
    """
    if not isinstance(value, str):
        return None
    try:
        return _without_zone(datetime.fromisoformat(value.strip()))
    except (ValueError, OverflowError):
        return None


def from_unix(value: object, per_second: int = 1) -> datetime | None:
    """The moment of a number since 1970, as a number or text; None if it is not one.

    >>> from_unix("1736013720.000200"), from_unix(1736013720000, 1000), from_unix(True)
    (datetime.datetime(2025, 1, 4, 18, 2, 0, 200), datetime.datetime(2025, 1, 4, 18, 2), None)
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        return _EPOCH + timedelta(seconds=float(value) / per_second)
    except (ValueError, OverflowError):
        return None


def _without_zone(time: datetime) -> datetime:
    return time if time.tzinfo is None else time.astimezone(UTC).replace(tzinfo=None)
