"""Reader for LRC, a format of lyrics that speech recognition also writes: `[00:12.34]` before each line."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source
from fliptrace.transcripts.subtitles.clock import seconds_of
from fliptrace.transcripts.subtitles.cues import utterances_of
from fliptrace.transcripts.subtitles.lines import Cue, Line
from fliptrace.transcripts.subtitles.markup import unescape

_STAMP = re.compile(r"\s{0,9}\[(\d{1,3}:\d{1,2}(?:[.:]\d{1,3})?)\]")
_EXACT_STAMP = re.compile(r"\s{0,9}\[\d{1,3}:\d{2}\.\d{2,3}\]")
_WORD_STAMP = re.compile(r"<\d{1,3}:\d{1,2}(?:[.:]\d{1,3})?>")
_TAG = re.compile(r"(?i)\s{0,9}\[(ti|ar|al|au|by|re|ve|offset|length|la|id|tool|#)\s?:([^\]]{0,200})\]\s{0,9}")
_MAX_STAMPS = 50  # before one line, which is then repeated at each time


def read_lrc(source: Source) -> Iterator[RawUtterance]:
    """Yield an utterance for each line, in the order of time. A line with several times is said at each of them."""
    source.refuse_part("LRC")
    offset, found = 0.0, list[tuple[str, list[str], list[str]]]()  # place, stamps, lines
    for number, line in enumerate(source.lines, start=1):
        place = f"line {number}"
        tag = _TAG.fullmatch(line)
        if tag is not None:
            source.leave_out(place, line, "tags of the file")
            milliseconds = re.fullmatch(r"\s{0,3}([+-]?\d{1,7})\s{0,3}", tag[2])
            if tag[1].casefold() == "offset" and milliseconds is not None:
                offset = int(milliseconds[1]) / 1000
            continue
        stamps, rest = _stamps_of(line)
        text = unescape(_WORD_STAMP.sub("", rest)).strip()
        if stamps:
            found.append((place, stamps, [text]))
        elif text and found:
            found[-1][2].append(text)
        elif text:
            source.leave_out(place, line, "lines above the first time")
    cues = []
    for place, stamps, texts in found:
        lines = tuple(Line(text) for text in texts if text)
        for stamp in stamps if lines else ():
            start = seconds_of(_with_point(stamp))  # a positive offset shows the lines earlier
            cues.append(Cue(place, None if start is None else max(0.0, start - offset), None, lines))
    if not cues:
        raise source.error("", "no lines found; expected lines that begin with a time such as [00:12.34]")
    yield from utterances_of(cues, source, noun="line", sort=True)


def _with_point(stamp: str) -> str:
    """`01:02:50` has minutes, seconds and hundredths, as LRC has no hours."""
    return stamp if stamp.count(":") < 2 else ".".join(stamp.rsplit(":", 1))


def _stamps_of(line: str) -> tuple[list[str], str]:
    stamps: list[str] = []
    position = 0
    while len(stamps) < _MAX_STAMPS and (found := _STAMP.match(line, position)) is not None:
        stamps.append(found[1])
        position = found.end()
    return stamps, line[position:]


def _sniff(source: Source) -> Evidence:
    lines = [line for line in source.text[:20_000].split("\n")[:50] if line.strip()]
    tagged = sum(_TAG.fullmatch(line) is not None for line in lines)
    stamped = sum(_EXACT_STAMP.match(line) is not None for line in lines)
    # Without tags it may be any text with times in brackets, which the reader of plain text reads as well.
    if not stamped or not tagged or tagged + stamped < 0.6 * len(lines):
        return NO_EVIDENCE
    return Evidence(0.95, "tags such as [by:...] and times such as [00:12.34]")


READER = Reader(
    "lrc",
    (".lrc",),
    _sniff,
    read_lrc,
    title="LRC",
    example="[by:whisper]\n[00:01.00]Ana: You are late.",
    has_cues=True,
)
