"""Reader for Spruce STL, subtitles of DVDs as text: `00:00:01:00 , 00:00:03:00 , Text | text`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source
from fliptrace.transcripts.subtitles.clock import FRAMES_PER_SECOND, seconds_of
from fliptrace.transcripts.subtitles.cues import utterances_of
from fliptrace.transcripts.subtitles.lines import Cue
from fliptrace.transcripts.subtitles.markup import plain_lines

_LINE = re.compile(
    r"\s{0,9}(\d{1,2}:\d{2}:\d{2}[:;.]\d{1,3})\s{0,9},\s{0,9}(\d{1,2}:\d{2}:\d{2}[:;.]\d{1,3})\s{0,9},(.*)", re.DOTALL
)
_FORMAT_CODES = re.compile(r"\^[IBUibu]")


def read_stl(source: Source) -> Iterator[RawUtterance]:
    """Yield an utterance for each name or dash in each line."""
    source.refuse_part("STL")
    cues = []
    for number, line in enumerate(source.lines, start=1):
        place = f"line {number}"
        found = _LINE.fullmatch(line)
        if found is not None:
            text = _FORMAT_CODES.sub("", found[3]).replace("|", "\n")
            lines = plain_lines(text, place, source, is_vtt=False)
            cues.append(Cue(place, seconds_of(found[1]), seconds_of(found[2]), lines))
        elif line.strip():
            is_setting = line.lstrip().startswith(("$", "//"))
            source.leave_out(place, line, "settings and comments" if is_setting else "lines without times")
    if not cues:
        raise source.error("", "no subtitles found; expected lines such as 00:00:01:00 , 00:00:03:00 , Text")
    source.notes.append(f"times with frames are read at {FRAMES_PER_SECOND} frames per second")
    yield from utterances_of(cues, source, noun="subtitle")


def _sniff(source: Source) -> Evidence:
    lines = [line for line in source.text[:20_000].split("\n")[:50] if line.strip()]
    lines = [line for line in lines if not line.lstrip().startswith(("$", "//"))]
    if lines and lines[0].count(",") >= 2 and not any(letter.isdigit() for letter in lines[0]):
        return NO_EVIDENCE  # the header of a table
    if not lines or sum(_LINE.match(line) is not None for line in lines) < 0.6 * len(lines):
        return NO_EVIDENCE
    return Evidence(0.95, "two times with frames before each text")


READER = Reader(
    "stl",
    (".stl",),
    _sniff,
    read_stl,
    title="Spruce STL",
    example="00:00:01:00 , 00:00:03:00 , Ana: You are late.",
    has_cues=True,
)
