"""Rows with named columns, from any file format: the rows of one dialogue, in order, as utterances.

`columns` chooses the columns; this module reads the rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from fliptrace.corpora.columns import is_missing
from fliptrace.transcripts.source import MAX_ROWS, RawUtterance, Source
from fliptrace.transcripts.tables.columns import (
    ALIASES,
    ColumnChooser,
    Layout,
    Row,
    cell_of,
    known_roles,
    names_in_texts,
    plain,
    shown,
    side_name,
    unit_of,
)
from fliptrace.transcripts.tables.dates import read_dates, read_since_1970, read_time_of_day
from fliptrace.transcripts.times import read_time

__all__ = ["ALIASES", "Row", "known_roles", "label_of", "name_of", "read_rows", "shown", "text_of"]

_NAME_LIST = re.compile(r"\[\s{0,3}(['\"]).{1,200}\1\s{0,3}\]")
_RANGE = re.compile(r"\s*([\d:.,]{3,16})\s?(?:-->|->|[-–—]|to)\s?([\d:.,]{3,16})\s*")
_DURATION = re.compile(r"PT(?:(\d{1,3})H)?(?:(\d{1,4})M)?(?:(\d{1,6}(?:\.\d{1,9})?)S)?", re.IGNORECASE)
_SWITCHBOARD = re.compile(r"\{[A-Z] |-{0,2}/|[{}\[\]#]|\+(?=\s)|<[^<>]{1,40}>|\*listen")


def read_rows(rows: Sequence[Row], found: Sequence[str], source: Source) -> Iterator[RawUtterance]:
    """Yield the utterances of one dialogue from rows with the columns `found`; InputError if it is ambiguous which."""
    if len(rows) > MAX_ROWS:
        raise source.error("", f"over {MAX_ROWS:,} rows; expected one dialogue per file")
    dialogue = ColumnChooser(rows, found, source).dialogue()
    rows = _of_one_dialogue(rows, found, dialogue, source)
    layout = ColumnChooser(rows, found, source).layout(dialogue)
    times = _Times.of(rows, layout, source)
    utterances = [_utterances(row, layout, *times.of_row(i), source) for i, row in enumerate(rows)]
    said = [utterance for i in _order(rows, found, layout, times, source) for utterance in utterances[i]]
    if _is_switchboard(found, said):
        source.notes.append("the marks of disfluency in the Switchboard transcript are removed from the text")
        said = [utterance._replace(text=_SWITCHBOARD.sub(" ", utterance.text)) for utterance in said]
    if layout.speaker is None and len(layout.texts) == 1:
        said = _named_in_text(said, source)
    for each in said:
        yield RawUtterance(*each)


class _Said(NamedTuple):
    """The fields of `RawUtterance`, which may still change."""

    place: str
    text: str
    speaker: str | None
    start: object
    end: object
    emotion: str | None


def _utterances(row: Row, layout: Layout, start: object, end: object, source: Source) -> list[_Said]:
    place, values = row
    emotion = None if layout.emotion is None else label_of(values.get(layout.emotion))
    if len(layout.texts) == 1:
        speaker = None if layout.speaker is None else name_of(values.get(layout.speaker))
        if speaker is None and layout.fallback is not None:
            speaker = name_of(values.get(layout.fallback))
        elif speaker is not None and layout.names:
            speaker = layout.names.get(speaker, speaker)
        return [_Said(place, text_of(values.get(layout.texts[0]), source, place), speaker, start, end, emotion)]
    said = [
        _Said(place, text, side_name(column), None, None, emotion)
        for column in layout.texts
        if (text := text_of(values.get(column), source, place)).strip()
    ]
    if said:  # the time of a row is that of its first utterance
        said[0] = said[0]._replace(start=start, end=end if len(said) == 1 else None)
    return said


def _named_in_text(said: list[_Said], source: Source) -> list[_Said]:
    """Split `Name: words` in texts if most of them begin so and there is no column for the speaker."""
    names = names_in_texts([each.text for each in said])
    if names is None:
        return said
    source.notes.append("no column for the speaker: names are taken from the beginning of the texts")
    split = []
    for each, name in zip(said, names, strict=True):
        if name is None:
            split.append(each)
            continue
        head = re.match(r"[^:：]{0,200}[:：](?:\*\*)?", each.text)
        split.append(each._replace(text=each.text[head.end() if head else 0 :].strip(), speaker=name))
    return split


def _is_switchboard(found: Sequence[str], said: Sequence[_Said]) -> bool:
    """Whether the texts have the marks of the Switchboard Dialog Act Corpus, such as `{D Well, } I, / `."""
    names = {plain(name) for name in found}
    if not names & {"acttag", "damslacttag", "act"} or not names & {"caller", "speaker"} or not said:
        return False
    marked = sum(
        each.text.rstrip().endswith("/") or re.search(r"\{[A-Z] ", each.text[:500]) is not None for each in said
    )
    return marked >= 0.4 * len(said)


# Times and order


class _Times(NamedTuple):
    """Start and end of each row: seconds or clock times as they are, dates as the time since the first one."""

    starts: Sequence[object]
    ends: Sequence[object]
    dates: Sequence[datetime | None] = ()

    @classmethod
    def of(cls, rows: Sequence[Row], layout: Layout, source: Source) -> _Times:
        starts = [None if layout.start is None else row.values.get(layout.start) for row in rows]
        ends = [None if layout.end is None else row.values.get(layout.end) for row in rows]
        dates = _dates(rows, layout, starts, source)
        if dates is not None:
            first = min(date for date in dates if date is not None)
            if any(date is not None and (date.hour, date.minute, date.second) != (0, 0, 0) for date in dates):
                since = [None if date is None else date - first for date in dates]
                ending = _end_dates(ends, layout)
                return cls(
                    since, [None if date is None else date - first for date in ending or [None] * len(rows)], dates
                )
            return cls([None] * len(rows), [None] * len(rows), dates)  # days without a time
        if layout.end is None and (ranges := _ranges(starts)) is not None:
            return cls([each and each[1] for each in ranges], [each and each[2] for each in ranges])
        starts = [_in_seconds(value, layout.start or "") for value in starts]
        ends = [_in_seconds(value, layout.end or "") for value in ends]
        if layout.duration is not None and layout.start is not None:
            ends = [
                _plus(start, row.values.get(layout.duration), layout) for start, row in zip(starts, rows, strict=True)
            ]
        return cls(starts, ends)

    def of_row(self, index: int) -> tuple[object, object]:
        return self.starts[index], self.ends[index]


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
    words = plain(column)
    return words.endswith(
        ("stamp", "stampms", "at", "date", "datetime", "utc", "created", "sent", "ts", "tsms", "time")
    ) and (not words.startswith(("start", "end", "begin", "offset")))


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


def _plus(start: object, duration: object, layout: Layout) -> object:
    try:
        begun, lasted = read_time(start), read_time(_in_seconds(duration, layout.duration or ""))
    except ValueError:
        return None
    return None if begun is None or lasted is None else begun + lasted


def _order(rows: Sequence[Row], found: Sequence[str], layout: Layout, times: _Times, source: Source) -> Sequence[int]:
    """The rows in the order of their dates, numbers, replies or starts, whichever the file has first."""
    as_given = range(len(rows))
    if times.dates:
        return _sorted_by(_filled_up(times.dates), "dates", source)
    numbers = [] if layout.order is None else [_whole(row.values.get(layout.order)) for row in rows]
    if numbers and all(number is not None for number in numbers):
        if len(set(numbers)) > 0.5 * len(numbers):
            return _sorted_by(numbers, f"numbers in column {layout.order!r}", source)
        return as_given
    answered = _by_replies(rows, found, source)
    if answered is not None:
        return answered
    starts = [_number_or_none(start) for start in times.starts]
    if starts and all(start is not None for start in starts):
        return _sorted_by(starts, "start times", source)
    return as_given


def _sorted_by(keys: Sequence[object], what: str, source: Source) -> Sequence[int]:
    """Positions sorted by keys, which are of one type; a note if that changes the order."""
    back = sum(before > after for before, after in pairwise(keys))  # type: ignore[operator]
    if not back:
        return range(len(keys))
    source.notes.append(
        f"rows were not in the order of their {what} ({back:,} step{'' if back == 1 else 's'} back): put in order"
    )
    # If the newest row comes first, rows of the same minute are in reverse order too.
    ahead = sum(before < after for before, after in pairwise(keys))  # type: ignore[operator]
    given = range(len(keys) - 1, -1, -1) if back > ahead else range(len(keys))
    return sorted(given, key=lambda i: keys[i])  # type: ignore[arg-type, return-value]


def _filled_up(dates: Sequence[datetime | None]) -> list[datetime]:
    """Dates in which a missing one is that of the row before it."""
    last = min(date for date in dates if date is not None)
    filled = []
    for date in dates:
        last = date or last
        filled.append(last)
    return filled


def _by_replies(rows: Sequence[Row], found: Sequence[str], source: Source) -> Sequence[int] | None:
    """The rows with every reply behind the row it answers, if replies link them; None if nothing has to move."""
    links = ColumnChooser(rows, found, source).reply()
    if links is None:
        return None
    positions = {cell_of(row.values.get(links[0])): i for i, row in enumerate(rows)}
    parents = [positions.get(cell_of(row.values.get(links[1]))) for row in rows]
    linked = sum(parent is not None for parent in parents)
    early = sum(parent is not None and parent > i for i, parent in enumerate(parents))
    if linked < 0.5 * (len(rows) - 1) or not early:
        return None
    source.notes.append(f"{early:,} rows stood before the row they answer: put in order")
    if all(parent is None or parent > i for i, parent in enumerate(parents)):
        return range(len(rows) - 1, -1, -1)
    depths: dict[int, int] = {}
    for start in range(len(rows)):
        path: list[int] = []
        here = start
        while here not in depths and here not in path[-1:]:
            path.append(here)
            parent = parents[here]
            if parent is None or len(path) > len(rows):
                depths[here] = 0
                break
            here = parent
        for position in reversed(path):
            parent = parents[position]
            depths.setdefault(position, 0 if parent is None else depths.get(parent, 0) + 1)
    return sorted(range(len(rows)), key=lambda i: depths[i])


def _whole(value: object) -> int | None:
    text = cell_of(value)
    return int(text) if re.fullmatch(r"\d{1,15}", text) else None


def _number_or_none(value: object) -> float | None:
    try:
        return read_time(value)
    except ValueError:
        return None


# Cells


def name_of(value: object) -> str | None:
    """Read a speaker from a cell; None if there is none. Objects, as meeting tools write them, are read by name."""
    if isinstance(value, dict):
        keys = ("name", "display_name", "displayName", "real_name", "username", "role", "id")
        return next((name for key in keys if (name := name_of(value.get(key)))), None)
    if isinstance(value, list):
        return ", ".join(dict.fromkeys(filter(None, map(name_of, value[:20])))) or None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value).strip()
    if text.startswith("[") and _NAME_LIST.fullmatch(text):  # a list that Python wrote, as in EmoryNLP tables
        return ", ".join(re.findall(r"['\"]([^'\",][^'\"]*)['\"]", text)) or text
    return text or None


def label_of(value: object) -> str | None:
    """Read an emotion from a cell; None if there is none. A list or object is returned as the name of its type."""
    if is_missing(value):
        return None
    return str(value) if isinstance(value, str | int | float) else type(value).__name__


def text_of(value: object, source: Source, place: str) -> str:
    """Read text from a cell; "" if there is none. Lists of parts, as in messages of chat models, are joined."""
    if isinstance(value, str):
        return value
    if is_missing(value):
        return ""
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list):
        parts = [part.get("text") if isinstance(part, dict) else part for part in value]
        return " ".join(part for part in parts if isinstance(part, str))
    raise source.error(place, f"found {type(value).__name__} for the text, expected text")


# Dialogues


def _of_one_dialogue(rows: Sequence[Row], found: Sequence[str], column: str | None, source: Source) -> Sequence[Row]:
    """Return the rows of the requested dialogue, or all rows; InputError if none of several dialogues was requested."""
    if column is not None:
        names = _dialogue_names(rows, found, column)
        return select_dialogue(rows, names, f"column {column!r}", source)
    threads = _threads(rows, found, source)
    if threads is not None:
        return select_dialogue(rows, threads, "the replies", source)
    source.refuse_part("a file without a column for dialogues")
    return rows


def select_dialogue(rows: Sequence[Row], names: Sequence[str], where: str, source: Source) -> Sequence[Row]:
    """Return the rows of the dialogue that was requested by name; InputError lists the dialogues if it is not one."""
    by_name: dict[str, list[Row]] = {}
    for name, row in zip(names, rows, strict=True):
        by_name.setdefault(name, []).append(row)
    if source.part is None and len(by_name) > 1:
        found = f"{len(by_name):,} dialogues in {where} ({shown(by_name, 5)})"
        raise source.error("", f"{found}; expected one: select it with {source.name}#NAME")
    if source.part is None:
        return rows
    if source.part not in by_name:
        raise source.error(
            "", f"no dialogue {source.part!r} in {where.removeprefix('column ')}, which has {shown(by_name, 5)}"
        )
    return by_name[source.part]


def _dialogue_names(rows: Sequence[Row], found: Sequence[str], column: str) -> list[str]:
    """The dialogue of each row. Scenes are counted anew in each episode, so these belong to the name."""
    names = [cell_of(row.values.get(column)) for row in rows]
    wider = [name for name in found if plain(name) in ("season", "episode")]
    if "scene" not in plain(column) or not wider:
        return names
    above = [tuple(cell_of(row.values.get(name)) for name in wider) for row in rows]
    if len(set(zip(names, above, strict=True))) == len(set(names)):
        return names
    return [f"{'.'.join(over)}.{name}" for over, name in zip(above, names, strict=True)]


def _threads(rows: Sequence[Row], found: Sequence[str], source: Source) -> list[str] | None:
    """The first message of the thread of each row, if replies link most of the rows to several threads."""
    links = ColumnChooser(rows, found, source).reply()
    if links is None:
        return None
    own, reply = links
    ids = [cell_of(row.values.get(own)) for row in rows]
    positions = {name: i for i, name in enumerate(ids) if name}
    roots: list[int] = list(range(len(rows)))

    def root(i: int) -> int:
        while roots[i] != i:
            roots[i] = roots[roots[i]]
            i = roots[i]
        return i

    num_linked = 0
    outside: dict[str, int] = {}  # rows that answer the same message, which is not in the file
    for i, row in enumerate(rows):
        answered = cell_of(row.values.get(reply))
        if not answered:
            continue
        to = positions.get(answered, outside.setdefault(answered, i))
        if to != i:
            num_linked += 1
            first, second = root(i), root(to)
            # The root of a thread is the row that answers nothing in the file.
            roots[first] = second
    if num_linked < 0.5 * len(rows) - 1 or not num_linked:
        return None
    names = [ids[root(i)] for i in range(len(rows))]
    return names if len(set(names)) > 1 else None
