"""Time stamps in plain text: `[00:01:02]`, `0:04`, `10:02 AM`, `00:01 --> 00:03`, `0 minutes 4 seconds`, dates.

All patterns are bounded, so that matching takes linear time on lines of any length.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from fliptrace.transcripts.source import RawUtterance, Source

# Months in English, German, French, Spanish, Italian and Portuguese; the short forms are cut to three or four letters.
_MONTH = (
    r"(?:jan(?:uary|uar|vier)?|feb(?:ruary|ruar|rero|braio)?|f[ée]v(?:rier|ereiro)?|mar(?:ch|s|zo|ço)?|mär(?:z)?|"
    r"apr(?:il|ile)?|avr(?:il)?|abr(?:il)?|may|mai|mayo|maggio|maio|june?|juni|juin|junio|giu(?:gno)?|junho|july?|juli|"
    r"juil(?:let)?|julio|lug(?:lio)?|julho|aug(?:ust)?|août|ago(?:sto)?|sept?(?:ember|embre|tembre|tiembre)?|"
    r"set(?:tembre|embro)?|o[ck]t(?:ober|obre|ubre)?|ott(?:obre)?|out(?:ubro)?|nov(?:ember|embre|iembre|embro)?|"
    r"de[czs](?:ember|embre|embro)?|d[ée]c(?:embre)?|dic(?:iembre|embre)?|ene(?:ro)?|gen(?:naio)?)\.?"
)
DATE = (
    r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|"
    rf"(?i:{_MONTH})\s\d{{1,2}}(?:st|nd|rd|th)?(?![\d:])(?:,?\s\d{{4}})?|"
    rf"\d{{1,2}}(?:st|nd|rd|th|\.)?\s(?:de\s)?(?i:{_MONTH})(?:,?\s(?:de\s)?\d{{4}})?)"
)
_HALF = r"(?:\s?(?:[AaPp]\.?\s?[Mm]\b\.?))"
CLOCK = rf"\d{{1,3}}:\d{{1,2}}(?::\d{{1,2}})?(?:[.,;:]\d{{1,9}})?(?!\d|:\d){_HALF}?"
_SPELLED = (
    r"(?:\d{1,2}\s(?:hours?|Stunden?|heures?|horas?|ore|ora),?\s)?"
    r"(?:\d{1,3}\s(?:minutes?|Minuten?|minutos?|minuti|minuto),?\s(?:and\s|und\s)?)?"
    r"\d{1,2}\s(?:seconds?|Sekunden?|secondes?|segundos?|secondi|secondo)"
)
_UNITS = r"(?:\d{1,2}\s?h\s?)?\d{1,3}\s?m(?:in)?\s?\d{1,2}(?:\.\d{1,3})?\s?s(?:ec)?|\d{1,2}h\d{2}(?:m\d{2}s?)?"
_SECONDS = r"\d{1,6}[.,]\d{1,6}(?:\s?s(?:ec)?\b)?|\d{1,6}\s?s(?:ec)?\b"
_FRAMES = r"\d{2};\d{2};\d{2};\d{2}"
_ZONE = r"(?:\s?(?:UTC|GMT|CET|CEST|EST|EDT|PST|PDT|Z)\b(?:[+-]\d{1,4})?)?"
_STAMP = rf"(?:{DATE}(?:,|\sat|\sum)?(?:T|\s)(?:[-–—|]\s)?)?{CLOCK}{_ZONE}(?:,?\s{DATE})?|{_SPELLED}|{_UNITS}|{_FRAMES}"
_TO = r"(?:\s?(?:--?>|→|-|–|—|\bto\b|\bbis\b)\s?|\t)"
_RANGE = rf"(?:{_STAMP})(?:{_TO}(?:{_STAMP}))?"
_INSIDE = rf"(?:{_RANGE}|(?:{_SECONDS})(?P<to>{_TO}(?:{_SECONDS}))?)"
# A stamp with or without brackets; `_is_whole` checks that they are a pair. f4 and MAXQDA write stamps between number
# signs, with tenths of a second after a hyphen.
_ANY = rf"(?P<open>[\[(<{{]\s?)?{_INSIDE}(?P<close>\s?[\])>}}])?|#\d\d:\d\d:\d\d(?:-\d)?#"
_BEHIND = r"(?:\s{0,9}[-–—|:,•·](?=\s|$|\w)|)\s{0,40}"
_BEFORE = r"(?:\s{0,40}[-–—|,•·@]\s{0,9}|\s{1,40}|(?=[\[(<#])|\s(?:at|um)\s)"
_END = r"\s{0,9}[:：]?\s{0,40}$"

# Most stamps are a plain clock. These short patterns find them, so that the long ones are compiled and tried only where
# there is more: a date, a range, AM or PM, words.
_PLAIN = r"\d{1,3}:\d{1,2}(?::\d{1,2})?(?:[.,]\d{1,9})?(?![\d:;])"
_PLAIN_IN_BRACKETS = rf"(?:\[\s?{_PLAIN}\s?\]|\(\s?{_PLAIN}\s?\)|<\s?{_PLAIN}\s?>|\{{\s?{_PLAIN}\s?\}})"
_PLAIN_LEADING = re.compile(
    rf"\s{{0,40}}(?:{_PLAIN_IN_BRACKETS}{_BEHIND}|{_PLAIN}(?!\D{{0,24}}\d|\s?(?:[AaPp]\.?\s?[Mm]|[UGCEP][A-Z]|Z))"
    rf"(?=[\s\-–—|:,•·]|$){_BEHIND})"
)
_PLAIN_TRAILING = re.compile(rf"{_BEFORE}({_PLAIN_IN_BRACKETS}|{_PLAIN}){_END}")
_MAY_LEAD = re.compile(r"\s{0,40}(?:[\d\[(<{#]|[^\W\d_]{3,10}\.?\s\d)")
_PAIRS = {"[": "]", "(": ")", "<": ">", "{": "}"}


@cache
def _leading() -> re.Pattern[str]:
    return re.compile(rf"\s{{0,40}}(?P<stamp>{_ANY})(?=(?P<next>.?)){_BEHIND}", re.DOTALL)


@cache
def _trailing() -> re.Pattern[str]:
    return re.compile(rf"{_BEFORE}(?P<stamp>{_ANY}){_END}")


_IN_TEXT = re.compile(
    r"\s?(?:\[\d{1,3}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?\]|\(\d{1,2}:\d{2}:\d{2}(?:[.,]\d{1,3})?\)|"
    r"#\d\d:\d\d:\d\d(?:-\d)?#)"
)
_ENDING = re.compile(r"\s{0,9}#(\d\d:\d\d:\d\d)(?:-(\d))?#\s{0,9}$")
_LAST = re.compile(r"\s(?:\[\d{1,3}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?\]|\(\d{1,3}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?\))$")
_ONLY_SECONDS = re.compile(_SECONDS)
_DATED = re.compile(DATE)


@cache
def _one() -> re.Pattern[str]:
    return re.compile(rf"{_STAMP}|{_SECONDS}")


_DIGIT = re.compile(r"\d")
_SIMPLE = re.compile(r"[\s\[(<{]{0,40}(\d{1,3}):(\d{1,2})(?::(\d{1,2}))?(?:[.,](\d{1,9}))?[\s\])>}|:,\-–—•·]{0,40}")
_NUMBERS = re.compile(r"\d+(?:[.,]\d+)?")


class Stamp(NamedTuple):
    """A start and perhaps an end in seconds. `of_day`: the file gives the time of day (AM, PM, a date).

    `has_two_parts`: two numbers, which may be minutes and seconds, or hours and minutes.
    """

    start: float | None
    end: float | None = None
    of_day: bool = False
    has_two_parts: bool = False


class Stamped(NamedTuple):
    """A stamp at the beginning or end of a text, and the rest of the text."""

    rest: str
    stamp: Stamp


def take_leading(text: str) -> Stamped | None:
    """Split a line that begins with a stamp.

    >>> take_leading("[00:01:02] Ana: hi").rest, take_leading("0:04 - 0:06 so").stamp.end, take_leading("7 days")
    ('Ana: hi', 6.0, None)
    """
    if _DIGIT.search(text, 0, 20) is None:
        return None
    if _MAY_LEAD.match(text) is None:
        return None
    plain = _PLAIN_LEADING.match(text)
    if plain is not None:
        return Stamped(text[plain.end() :], read_stamp(plain[0]))
    found = _leading().match(text)
    if found is None or not _is_whole(found):
        return None
    is_bare = found["stamp"][0] not in "[(<{#"
    if is_bare and found["next"] and not (found["next"].isspace() or found["next"] in "-–—|:,•·"):
        return None
    return Stamped(text[found.end() :], read_stamp(found[0]))


def _is_whole(found: re.Match[str]) -> bool:
    """Whether the brackets around a stamp are a pair; seconds alone are a stamp only in brackets."""
    opening, closing = (found["open"] or "").strip(), (found["close"] or "").strip()
    if opening or closing:
        return _PAIRS.get(opening) == closing
    return found["to"] is not None or found["stamp"][0] == "#" or _ONLY_SECONDS.fullmatch(found["stamp"]) is None


def take_trailing(text: str) -> Stamped | None:
    """Split a short line that ends with a stamp.

    >>> take_trailing("Mara Lind  0:04").rest, take_trailing("Mara (10:02 PM):").stamp.start
    ('Mara Lind', 79320.0)
    """
    if len(text) > 160 or _DIGIT.search(text[-40:]) is None:
        return None
    plain = _PLAIN_TRAILING.search(text)
    if plain is not None and _DIGIT.search(text, 0, plain.start()) is None:
        return Stamped(text[: plain.start()], read_stamp(plain[1])) if plain.start() else None
    found = _whole_trailing(text)
    return None if found is None or not found.start() else Stamped(text[: found.start()], read_stamp(found["stamp"]))


def _whole_trailing(text: str) -> re.Match[str] | None:
    """The longest stamp at the end of a text."""
    found = _trailing().search(text)
    while found is not None and not _is_whole(found):
        found = _trailing().search(text, found.start() + 1)
    return found


def take_bracketed(text: str) -> Stamped | None:
    """Split a text that ends with a stamp in brackets, or is one.

    >>> take_bracketed("I was late. [0:12]")
    Stamped(rest='I was late. ', stamp=Stamp(start=12.0, end=None, of_day=False, has_two_parts=True))
    """
    opening = {closing: each for each, closing in _PAIRS.items()}.get(text[-1:], "#")
    start = text.rfind(opening, max(0, len(text) - 40), len(text) - 1) if text[-1:] in ("]", ")", ">", "}", "#") else -1
    stamped = None if start < 0 else take_leading(text[start:])
    return None if stamped is None or stamped.rest else Stamped(text[:start], stamped.stamp)


def take_ending(text: str) -> Stamped | None:
    """Split a paragraph that ends with a stamp of f4 or MAXQDA, which is the time of its end."""
    found = _ENDING.search(text) if text.rstrip().endswith("#") else None
    if found is None:
        return None
    return Stamped(text[: found.start()], Stamp(None, _seconds(found[1]) + int(found[2] or 0) / 10))


def take_last(text: str) -> Stamped | None:
    """Split a text that ends with a stamp in square or round brackets.

    >>> take_last("It was late. [00:12]").rest, take_last("It was late [12]") is None
    ('It was late.', True)
    """
    if text[-1:] not in ("]", ")"):
        return None
    found = _LAST.search(text, max(0, len(text) - 20))
    return None if found is None else Stamped(text[: found.start()], read_stamp(found[0].strip()))


def without_stamps(text: str) -> str:
    """Remove stamps in brackets inside a text.

    >>> without_stamps("so [00:12] it was [12]")
    'so it was [12]'
    """
    return _IN_TEXT.sub("", text) if "[" in text or "#" in text or "(" in text else text


def read_stamp(text: str) -> Stamp:
    """Parse a stamp that one of the patterns above has matched."""
    simple = _SIMPLE.fullmatch(text)
    if simple is not None:
        first, second, third = int(simple[1]), int(simple[2]), simple[3]
        fraction = float(f"0.{simple[4]}") if simple[4] else 0.0
        if third is None:
            return Stamp(first * 60 + second + fraction, None, False, simple[4] is None and len(simple[1]) < 3)
        return Stamp(first * 3600 + second * 60 + int(third) + fraction)
    text = text.strip().strip("[](){}<>").strip()
    if text.startswith("#"):
        seconds, _, tenth = text.strip("# ").partition("-")
        return Stamp(_seconds(seconds) + int(tenth[:1] or 0) / 10 if tenth[:1].isdigit() else _seconds(seconds))
    dated = _DATED.search(text)
    parts = _DATED.sub(" ", text) if dated else text
    found = [one[0] for one in _one().finditer(parts)]
    if not found:
        return Stamp(None)
    halves = re.findall(r"[AaPp](?=\.?\s?[Mm]\b)", parts)
    if len(halves) == 1 and len(found) == 2:  # "10:02 - 10:05 AM"
        found[0] += f" {halves[0]}M"
    times = [_seconds(each) for each in found[:2]]
    end = times[1] if len(times) > 1 and times[1] >= times[0] else None
    return Stamp(times[0], end, bool(dated or halves), re.fullmatch(r"\d{1,2}:\d\d", found[0]) is not None)


def _seconds(text: str) -> float:
    if text.count(";") == 3:
        text = text.replace(";", ":")
    half = re.search(r"([AaPp])\.?\s?[Mm]\b", text)
    if ":" in text:
        clock = re.match(r"(\d+):(\d+)(?::(\d+))?(?:([.,;:])(\d+))?", text.strip())
        assert clock is not None
        first, second, third = int(clock[1]), int(clock[2]), clock[3]
        # A fourth number after a colon counts frames, of which there are 24 to 60 a second: it is dropped.
        fraction = float(f"0.{clock[5]}") if clock[5] and clock[4] in ".," else 0.0
        if half is not None:
            first = first % 12 + 12 * (half[1] in "Pp")
        if third is not None or half is not None:
            return first * 3600 + second * 60 + int(third or 0) + fraction
        return first * 60 + second + fraction
    numbers = [float(number.replace(",", ".")) for number in _NUMBERS.findall(text)]
    if re.search(r"\dh\d\d$", text):
        return numbers[0] * 3600 + numbers[1] * 60
    return float(sum(number * 60.0**power for power, number in enumerate(reversed(numbers))))


_LATE = 5 * 3600.0  # seconds; no recording begins with five hours of silence


def from_the_first(utterances: Sequence[RawUtterance], stamps: Sequence[Stamp], source: Source) -> list[RawUtterance]:
    """Fill in the times, counted from the first one if they are times of day.

    Stamps of two numbers are hours and minutes if, as minutes and seconds, they would make the speech too fast.
    """
    known = [stamp for stamp in stamps if stamp.start is not None]
    if not known and all(stamp.end is None for stamp in stamps):
        return list(utterances)
    of_day = any(stamp.of_day for stamp in known)
    if not of_day and known and (known[0].start or 0.0) >= _LATE and not any(stamp.has_two_parts for stamp in known):
        of_day = True
        source.notes.append("times begin at five hours or later: read as times of day, counted from the first")
    scale = 1.0
    if not of_day and _are_hours_and_minutes(utterances, stamps):
        of_day, scale = True, 60.0
        source.notes.append("times are read as hours and minutes: as minutes and seconds, speech would be too fast")
    first = _scaled(known[0], scale) if of_day and known else 0.0
    filled, day, before = [], 0.0, first
    for raw, stamp in zip(utterances, stamps, strict=True):
        start, end = stamp.start, stamp.end
        if of_day and start is not None:
            time = _scaled(stamp, scale)
            if time + day < before - 43_200:  # after midnight
                day += 86_400
            before = time + day
            end = None if end is None else max(0.0, before - first + (end - start) * scale)
            start = max(0.0, before - first)
        filled.append(RawUtterance(raw.place, raw.text, raw.speaker, start, end, raw.emotion, raw.cues))
    return filled


def _scaled(stamp: Stamp, scale: float) -> float:
    return (stamp.start or 0.0) * (scale if stamp.has_two_parts else 1.0)


# Fast speech has four words a second; over whole dialogues with pauses, it has fewer.
_MAX_WORDS_PER_SECOND = 4.5


def _are_hours_and_minutes(utterances: Sequence[RawUtterance], stamps: Sequence[Stamp]) -> bool:
    stamped = [(i, stamp.start) for i, stamp in enumerate(stamps) if stamp.start is not None]
    if len(stamped) < 3 or not all(stamp.has_two_parts for stamp in stamps if stamp.start is not None):
        return False
    times = [start for _, start in stamped]
    if times[0] < 60 or max(times) >= 24 * 60 or any(after < before for before, after in pairwise(times)):
        return False
    num_words = sum(len(raw.text.split()) for raw in utterances[stamped[0][0] : stamped[-1][0]])
    return num_words > _MAX_WORDS_PER_SECOND * (times[-1] - times[0])
