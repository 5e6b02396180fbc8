"""Reader for IRC logs of many clients: `[19:02] <mara> hi`, `19:02 <@mara> hi`, WeeChat's tabs, `* mara waves`.

Most logs have times of the day only; a day ends where the log says so, or where the clock goes back.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import NamedTuple

from fliptrace.transcripts.chats.clock import DayClock, WrittenDate, from_iso, read_clock, read_date, read_day, to_date
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source

_SAMPLE_CHARACTERS = 2_000  # of a line
_SAMPLE_LINES = 400
_ISO = r"\d{4}-\d\d-\d\d[T\s_]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|\s?[+-]\d\d:?\d\d)?"
_TIME = re.compile(
    rf"[\[(]?(?:(?P<iso>{_ISO})|(?:(?P<date>[^\W\d_]{{3}}\s{{1,2}}\d{{1,2}}|\d{{1,4}}[./-]\d{{1,2}}[./-]\d{{1,4}}),?\s)?"
    r"(?P<clock>\d{1,2}[:.]\d\d(?:[:.]\d\d)?(?:\.\d{1,6})?(?:\s?[AaPp][Mm])?))[\])]?(?P<gap>[\t ]{1,4})"
)
# mIRC's codes for colours and styles
_FORMATTING = re.compile(r"\x03(?:\d{1,2}(?:,\d{1,2})?)?|\x04(?:[0-9A-Fa-f]{6})?|[\x02\x0f\x11\x16\x1d\x1e\x1f]")
_NICK = r"[@+%&~!]{0,2}([^\s<>@+%&~!][^\s<>]{0,40})"
_SAID = re.compile(rf"<\s?(?!\d{{1,3}}:\d\d){_NICK}>(?::(?=\s))?[\t ]?(.*)")  # a time in angle brackets is no nickname
_TABBED = re.compile(rf"{_NICK}\t(.*)")
_PIPED = re.compile(rf"\s{{0,40}}{_NICK}\s[|│]\s(.*)")
_ACTION = re.compile(rf"(?:\s?\*\s{{1,3}}|\s?\*\t){_NICK}[\t ](.*)")
_NOTICE = re.compile(r"\s?(?:\*{2,4}|-!-|-->|<--|--|=-=|==|<-|->|=!=|\*\t|-[^\s-][^\s]{0,60}-)(?:\s.*|)")
_EVENT = re.compile(
    r"(?:\([^()]{1,120}\)\s)?(?:has (?:joined|left|quit|changed|set|kicked|been)\b.*"
    r"|(?:joined|left|quit)(?: #.*| \(.*|)"
    r"|is now known as .*|sets? mode.*|set the topic.*|changes? topic.*|was kicked by .*"
    r"|gives (?:channel operator|voice) .*|\([^()]*@[^()]*\) .*)",
    re.IGNORECASE,
)
_EVENT_START = re.compile(
    r"(?:Joins|Parts|Quits|Disconnected|Connected|Now talking|Topic|Users on|Rejoined|Attempting|Retrieving|Set by"
    r"|Channel|Mode"
    r"|You(?:'re| are| have))\b.*",
    re.IGNORECASE,
)
_DAY_LINE = re.compile(
    r"(?:-{3}|\*{3,4}|={2,3}|#{1,3}|Session (?:Start|Time|Ident)|-+)\s?.{0,60}?"
    r"(?:(\d{4}-\d\d-\d\d)|(?:[^\W\d_]{3,9},?\s)?([^\W\d_]{3,9})\s{1,2}(\d{1,2})(?:\s\d\d:\d\d:\d\d(?:\s[A-Z]{2,5})?)?,?\s(\d{4})"
    r"|(\d{1,2})\.?\s([^\W\d_]{3,9})\s(\d{4})).{0,40}"
)
_LOG_LINE = re.compile(
    r"(?:-{3} (?:Log|Day)|\*{4} (?:BEGIN|ENDING) LOGGING|Session (?:Start|Close|Ident|Time)|\*{3} )\b.*|-{3}.*|={3,}.*",
    re.IGNORECASE,
)


class _Line(NamedTuple):
    """A parsed line: `kind` is "said", "done", "event" or "" (unknown); the time as found, None if it has none."""

    kind: str
    nick: str
    text: str
    time: re.Match[str] | None


def read_irc(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per line that somebody says, or action (/me); joins and quits are left out."""
    source.refuse_part("an IRC log")
    clock = DayClock()
    unknown, num_actions, spoken = list[int](), 0, False
    for number, formatted in enumerate(source.lines, start=1):
        line = _FORMATTING.sub("", formatted)
        if not line.strip():
            continue
        place = f"line {number}"
        day = _day_of(line)
        if day is not None:
            clock.set_day(day)
            source.leave_out(place, line, "lines of the logger")
            continue
        kind, nick, text, time = _parse(line)
        moment = None if time is None else _moment(time, clock)
        if kind == "event" or (not kind and _LOG_LINE.fullmatch(line)):
            source.leave_out(place, line, "joins, quits and notices")
        elif not kind and not spoken:
            source.leave_out(place, line, "lines before the first message")
        elif not kind:
            unknown.append(number)
            yield RawUtterance(place, line, None, moment)
        else:
            spoken = True
            num_actions += kind == "done"
            yield RawUtterance(place, f"{nick} {text}" if kind == "done" else text, nick, moment)
    if num_actions:
        source.notes.append(f"actions (/me) are read as utterances of the person who acts: {num_actions:,}")
    if unknown:
        lines = ", ".join(map(str, unknown[:3]))
        source.notes.append(f"lines without a nickname: {len(unknown):,} (line {lines})")
    if clock.num_midnights:
        source.notes.append(f"new days, each where the clock goes back: {clock.num_midnights:,}")


def _parse(line: str) -> _Line:
    time = _TIME.match(line[:60])
    rest = line if time is None else line[time.end() :]
    said = _SAID.fullmatch(rest)
    if said is not None:
        return _Line("said", said[1], said[2], time)
    has_tab = time is not None and time["iso"] is not None and "\t" in time["gap"]  # WeeChat
    if has_tab and rest.startswith((" *\t", "*\t")):  # the nickname is part of the text
        nick, _, text = rest.partition("\t")[2].partition(" ")
        return _Line("event" if _EVENT.fullmatch(text) else "done", nick, text, time)
    if _NOTICE.fullmatch(rest) and not rest.startswith("* "):
        return _Line("event", "", rest, time)
    action = _ACTION.fullmatch(rest)
    if action is not None:
        is_event = _EVENT.fullmatch(action[2]) or _EVENT_START.fullmatch(rest.lstrip(" *\t"))
        return _Line("event" if is_event or action[1].endswith(":") else "done", action[1], action[2], time)
    if rest.startswith("* "):
        return _Line("event", "", rest, time)
    beside = (_TABBED if has_tab else _PIPED).fullmatch(rest) if time is not None else None
    if beside is not None:
        return _Line("said", beside[1], beside[2], time)
    return _Line("", "", rest, time)


def _moment(time: re.Match[str], clock: DayClock) -> datetime | None:
    if time["iso"] is not None:
        return from_iso(time["iso"].replace("_", "T").replace(" +", "+").replace(" -", "-"))
    since_midnight = read_clock(time["clock"])
    if since_midnight is None:
        return None
    if time["date"] is not None:
        day = _day(time["date"], clock.day)
        if day is not None and day != clock.day.date():
            clock.set_day(day)
    return clock.moment(since_midnight)


def _day(text: str, today: datetime) -> date | None:
    """Parse a date before the clock. HexChat leaves out the year, which is then that of the last line."""
    written = read_date(text if text[:1].isdigit() else f"{text}, {today.year}")
    if written is None:
        return None
    if not text[:1].isdigit():
        day = to_date(WrittenDate((written.numbers[0], written.numbers[1], today.year), "dmy"), "dmy")
        return day + timedelta(days=365) if day is not None and (today.date() - day).days > 180 else day
    return to_date(written, "dmy") or to_date(written, "mdy")


def _day_of(line: str) -> date | None:
    """The day that a line of the logger names: `--- Day changed Sun Jan 05 2025`."""
    if line[:1] not in "-*=#S" or len(line) > 160:
        return None
    found = _DAY_LINE.match(line)
    if found is None:
        return None
    if found[1]:
        text = found[1]
    elif found[2]:
        text = f"{found[2]} {found[3]}, {found[4]}"
    else:
        text = f"{found[5]} {found[6]} {found[7]}"
    return read_day(text, "dmy")


def _sniff(source: Source) -> Evidence:
    lines = [line for line in source.first_lines(_SAMPLE_LINES) if line.strip()]
    # JSON and HTML may be one line of megabytes; a nickname stands at the beginning.
    parsed = [_parse(_FORMATTING.sub("", line[:_SAMPLE_CHARACTERS])) for line in lines]
    kinds = Counter(line.kind for line in parsed)
    said = [line for line in parsed if line.kind == "said"]
    if not said or kinds["said"] + kinds["done"] + kinds["event"] < 0.6 * len(lines):
        return NO_EVIDENCE
    num_timed = sum(line.time is not None for line in said)
    seen = f"{len(said)} of {len(lines)} lines have a nickname in angle brackets, before a tab or before a bar"
    if num_timed >= 0.5 * len(said):
        return Evidence(0.85, seen)
    return Evidence(0.6, seen) if len(said) >= 2 else NO_EVIDENCE


READER = Reader(
    "irc",
    (".log", ".txt", ".weechatlog"),
    _sniff,
    read_irc,
    title="IRC logs",
    example="[19:02] <ana> You are late.\n[19:03] <ben> The train stood still.",
    is_chat=True,
)
