"""Reader for TextGrid files of Praat, in the long and the short form: tiers of intervals, one per speaker.

Both forms have the same values in the same order; the long one also names them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fliptrace.transcripts.annotation.tiers import Span, Tier, speakers_of
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source

# Possessive, so that a text of a million quotes needs no memory for each.
_VALUE = re.compile(r'"((?:[^"]++|"")*+)"|(?<![\w.\[])(-?\d{1,15}(?:\.\d{1,20})?(?:[eE][-+]?\d{1,3})?)(?![\w\]])')
_HEAD = re.compile(r'\s*(?:File type = )?"ooTextFile(?: short)?"\s*(?:Object class = )?"TextGrid"')


def read_textgrid(source: Source) -> Iterator[RawUtterance]:
    """Yield the intervals that have words, of all speakers, in the order of time."""
    source.refuse_part("TextGrid")
    text = source.text.lstrip("\ufeff")
    head = _HEAD.match(text)
    if head is None:
        raise source.error("", 'not a TextGrid; expected File type = "ooTextFile" and Object class = "TextGrid"')
    values = _Values(source, text, head.end())
    values.number("a start")
    values.number("an end")
    num_tiers = int(values.number("a number of tiers"))
    tiers = [_tier(values) for _ in range(min(num_tiers, 10_000))]
    return speakers_of(tiers, source)


class _Values:
    """The numbers and texts of a file in order; each method reads the next one, or raises InputError."""

    def __init__(self, source: Source, text: str, begin: int) -> None:
        self.source, self.text = source, text
        self.found = _VALUE.finditer(text, begin)
        self.last = begin

    def _next(self, expected: str) -> re.Match[str]:
        value = next(self.found, None)
        if value is None:
            raise self.source.error(self.place(), f"the file ends; expected {expected}")
        self.last = value.start()
        return value

    def place(self) -> str:
        return f"line {self.text.count(chr(10), 0, self.last) + 1}"

    def number(self, expected: str) -> float:
        value = self._next(expected)
        if value[2] is None:
            raise self.source.error(self.place(), f"found {value[1][:40]!r}; expected {expected}")
        return float(value[2])

    def string(self, expected: str) -> str:
        value = self._next(expected)
        if value[1] is None:
            raise self.source.error(self.place(), f"found {value[2]}; expected {expected}")
        return value[1].replace('""', '"')


def _tier(values: _Values) -> Tier:
    kind = values.string("the kind of a tier")
    tier = Tier(values.string("the name of a tier"))
    values.number("a start")
    values.number("an end")
    for number in range(1, int(values.number("a number of intervals")) + 1):
        place = f"tier {tier.name[:40]!r} interval {number}"
        start = values.number("the start of an interval")
        end = values.number("the end of an interval") if kind == "IntervalTier" else None
        tier.spans.append(Span(place, values.string("the text of an interval"), start, end))
    return tier


def _sniff(source: Source) -> Evidence:
    is_textgrid = _HEAD.match(source.text[:500].lstrip("\ufeff")) is not None
    return Evidence(1.0, "ooTextFile of class TextGrid") if is_textgrid else NO_EVIDENCE


READER = Reader(
    "textgrid",
    (".textgrid",),
    _sniff,
    read_textgrid,
    title="Praat TextGrid",
    example="""File type = "ooTextFile"
Object class = "TextGrid"

0
3.2
<exists>
2
"IntervalTier"
"Ana"
0
3.2
2
0
1.5
"You are late."
1.5
3.2
""
"IntervalTier"
"Ben"
0
3.2
2
0
1.8
""
1.8
3.2
"The train stood."
""",
)
