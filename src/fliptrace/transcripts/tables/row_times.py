"""Start and end of the rows of a dialogue: seconds, clock times, ranges, frames, or dates in a whole column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from fliptrace.corpora.columns import is_missing
from fliptrace.transcripts.source import Source
from fliptrace.transcripts.subtitles.clock import FRAMES_PER_SECOND
from fliptrace.transcripts.tables.cells import cell_of
from fliptrace.transcripts.tables.column import Row
from fliptrace.transcripts.tables.column_names import names_unit, plain, unit_of
from fliptrace.transcripts.tables.dates import read_dates, read_since_1970, read_time_of_day
from fliptrace.transcripts.tables.layout import Layout
from fliptrace.transcripts.times import read_time
from fliptrace.transcripts.units import NOTE, TOO_SLOW, Timed, are_milliseconds, whole_number

_RANGE = re.compile(r"\s*([\d:.,]{3,16})\s?(?:-->|->|[-–—]|to)\s?([\d:.,]{3,16})\s*")
_DURATION = re.compile(r"PT(?:(\d{1,3})H)?(?:(\d{1,4})M)?(?:(\d{1,6}(?:\.\d{1,9})?)S)?", re.IGNORECASE)
_FRAMES = re.compile(r"\s*(\d{1,2}):(\d{2}):(\d{2})[:;](\d{2})\s*")


class Times(NamedTuple):
    """Start and end of each row: seconds or clock times as they are, dates as the time since the first one."""

    starts: Sequence[object]
    ends: Sequence[object]
    dates: Sequence[datetime | None] = ()

    @classmethod
    def of(cls, rows: Sequence[Row], layout: Layout, source: Source) -> Times:
        starts, ends = _values(rows, layout.start), _values(rows, layout.end)
        dates = _dates(rows, layout, starts, source)
        if dates is not None:
            return cls._since_first(dates, _end_dates(ends, layout))
        if layout.end is None and (ranges := _ranges(starts)) is not None:
            return cls([each and each[1] for each in ranges], [each and each[2] for each in ranges])
        starts = [_in_seconds(value, layout.start or "") for value in _without_frames(starts, source)]
        ends = [_in_seconds(value, layout.end or "") for value in _without_frames(ends, source)]
        if _are_milliseconds(rows, layout, starts, ends):
            source.notes.append(NOTE.format(reason=TOO_SLOW))
            starts, ends = list(map(_thousandth, starts)), list(map(_thousandth, ends))
        if layout.duration is not None and layout.start is not None:
            lengths = _values(rows, layout.duration)
            ends = [_plus(start, length, layout) for start, length in zip(starts, lengths, strict=True)]
        return cls(list(map(_parsed, starts)), list(map(_parsed, ends)))

    @classmethod
    def _since_first(cls, dates: Sequence[datetime | None], ends: Sequence[datetime | None] | None) -> Times:
        """The time since the first date; only the dates if they are days without a time."""
        first = min(date for date in dates if date is not None)
        if any(date is not None and (date.hour, date.minute, date.second) != (0, 0, 0) for date in dates):
            starts = [None if date is None else date - first for date in dates]
            return cls(starts, [None if end is None else end - first for end in ends or [None] * len(dates)], dates)
        return cls([None] * len(dates), [None] * len(dates), dates)

    def of_row(self, index: int) -> tuple[object, object]:
        return self.starts[index], self.ends[index]


def _values(rows: Sequence[Row], column: str | None) -> list[object]:
    return [None if column is None else row.values.get(column) for row in rows]


def _dates(
    rows: Sequence[Row], layout: Layout, starts: Sequence[object], source: Source
) -> list[datetime | None] | None:
    """The dates of the rows if their times are dates, perhaps with the time of day in another column."""
    if layout.start is None:
        return None
    read = read_dates(starts, layout.start)
    if read is not None:
        if read.doubt:
            source.notes.append(read.doubt)
        return read.values
    if layout.date is not None:
        days = read_dates([row.values.get(layout.date) for row in rows], layout.date)
        hours = [read_time_of_day(value) if isinstance(value, str) else None for value in starts]
        if days is not None and any(hours):
            if days.doubt:
                source.notes.append(days.doubt)
            pairs = zip(days.values, hours, strict=True)
            return [None if day is None or hour is None else day + hour for day, hour in pairs]
    if not _may_count_from_1970(layout.start):
        return _times_of_day(starts)
    since = read_since_1970(starts)
    return since if since is not None else _times_of_day(starts)


def _may_count_from_1970(column: str) -> bool:
    """Whether a column is named for a point in time, not for a time in a recording."""
    name = plain(column)
    endings = ("stamp", "stampms", "at", "date", "datetime", "utc", "created", "sent", "ts", "tsms", "time")
    return name.endswith(endings) and not name.startswith(("start", "end", "begin", "offset"))


def _times_of_day(values: Sequence[object]) -> list[datetime | None] | None:
    """Times with AM or PM as dates of one day; None if there are none."""
    texts = [value.strip() if isinstance(value, str) else "" for value in values]
    filled = [text for text in texts if text]
    if not filled or not all(text[-2:].casefold() in ("am", "pm", "m.") for text in filled):
        return None
    read = [read_time_of_day(text) for text in texts]
    if any(hour is None and text for hour, text in zip(read, texts, strict=True)):
        return None
    dates: list[datetime | None] = []
    days, last = timedelta(), timedelta()
    for hour in read:
        if hour is not None:
            days += timedelta(days=1) * (hour < last - timedelta(hours=12))  # past midnight
            last = hour
        dates.append(None if hour is None else datetime(2000, 1, 1) + days + hour)
    return dates


def _end_dates(ends: Sequence[object], layout: Layout) -> list[datetime | None] | None:
    if layout.end is None:
        return None
    read = read_dates(ends, layout.end)
    return read.values if read is not None else read_since_1970(ends)


def _ranges(values: Sequence[object]) -> list[re.Match[str] | None] | None:
    """Times such as `0:01 - 0:04` in one column; None unless all filled cells are such ranges."""
    found = [_RANGE.fullmatch(value) if isinstance(value, str) else None for value in values]
    num_filled = sum(not is_missing(value) for value in values)
    return found if num_filled and sum(match is not None for match in found) == num_filled else None


def _without_frames(values: Sequence[object], source: Source) -> Sequence[object]:
    """Times such as `00:00:01:10`, whose last part counts frames, in seconds; other values as they are."""
    texts = [value if isinstance(value, str) else "" for value in values]
    framed = [_FRAMES.fullmatch(text) if len(text) > 9 and ":" in text else None for text in texts]
    if not any(framed):
        return values
    note = f"times with frames are read at {FRAMES_PER_SECOND} frames per second"
    if note not in source.notes:
        source.notes.append(note)
    return [value if found is None else _seconds_of_frames(found) for value, found in zip(values, framed, strict=True)]


def _seconds_of_frames(found: re.Match[str]) -> float:
    hours, minutes, seconds, frames = map(int, found.groups())
    return round(hours * 3600 + minutes * 60 + seconds + frames / FRAMES_PER_SECOND, 3)


def _in_seconds(value: object, column: str) -> object:
    """Return a time in seconds if the name of its column has another unit, or if it is a duration such as PT1.5S."""
    if isinstance(value, str) and value[:2].upper() == "PT" and (found := _DURATION.fullmatch(value.strip())):
        return int(found[1] or 0) * 3600 + int(found[2] or 0) * 60 + float(found[3] or 0)
    unit = unit_of(column)
    if unit == 1 or isinstance(value, bool) or not isinstance(value, str | int | float):
        return value
    try:
        return float(value) * unit if unit > 1e-3 else float(value) / round(1 / unit)
    except (ValueError, OverflowError):
        return value


def _are_milliseconds(rows: Sequence[Row], layout: Layout, starts: Sequence[object], ends: Sequence[object]) -> bool:
    """Whether times without a unit in the name of their column can only be milliseconds."""
    if layout.start is None or layout.duration is not None or len(layout.texts) != 1 or names_unit(layout.start):
        return False
    texts = (cell_of(row.values.get(layout.texts[0])) for row in rows)
    return are_milliseconds(map(Timed, starts, ends, texts))


def _thousandth(value: object) -> float | None:
    number = whole_number(value)
    return None if number is None else number / 1000


def _parsed(value: object) -> object:
    """A time in a cell as seconds; as it is if it is not a time, so that it is counted later."""
    try:
        return read_time(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _plus(start: object, duration: object, layout: Layout) -> object:
    try:
        begun, lasted = read_time(start), read_time(_in_seconds(duration, layout.duration or ""))
    except ValueError:
        return None
    return None if begun is None or lasted is None else begun + lasted
