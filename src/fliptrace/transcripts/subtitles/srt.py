"""Reader for SubRip subtitles as tools and people write them: `Name: text`, `NAME: text`, or a dash for each speaker.

Numbers may be missing, times may have a dot or too few digits, and subtitles may contain blank lines. pysubs2 is not
used: it drops text after a blank line and subtitles with a broken time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source
from fliptrace.transcripts.subtitles.blocks import read_blocks
from fliptrace.transcripts.subtitles.clock import read_time_line
from fliptrace.transcripts.subtitles.cues import utterances_of
from fliptrace.transcripts.subtitles.lines import Cue
from fliptrace.transcripts.subtitles.markup import plain_lines

_WEBVTT = re.compile(r"\s{0,40}WEBVTT(?=\s|$)", re.IGNORECASE)
_NUMBER = re.compile(r"\s{0,40}\d{1,9}\s{0,40}")
_MAX_LINES_ABOVE = 12  # of other text above the first subtitle


def read_srt(source: Source) -> Iterator[RawUtterance]:
    """Yield an utterance for each name or dash in each subtitle."""
    source.refuse_part("SubRip")
    blocks = read_blocks(source, is_vtt=False)
    if not blocks:
        raise source.error("", "no subtitles found; expected times such as 00:00:01,000 --> 00:00:03,000 above each")
    cues = []
    for block in blocks:
        place = f"line {block.line_number}"
        lines = plain_lines(block.text, place, source, is_vtt=False)
        cues.append(Cue(place, block.times.start, block.times.end, lines))
    yield from utterances_of(cues, source, noun="subtitle")


def _sniff(source: Source) -> Evidence:
    if _WEBVTT.match(source.text):
        return NO_EVIDENCE
    above = ""
    for number, line in enumerate(source.text[:4_000].split("\n")[: _MAX_LINES_ABOVE + 1]):
        times = read_time_line(line) if "-->" in line or "->" in line else None
        if times is not None:
            is_first = number == 0 or _NUMBER.fullmatch(above) is not None
            return Evidence(0.95 if is_first else 0.6, "numbered times with -->")
        above = line if line.strip() else above
    return NO_EVIDENCE


READER = Reader(
    "srt",
    (".srt",),
    _sniff,
    read_srt,
    title="SubRip subtitles",
    example="1\n00:00:01,000 --> 00:00:03,000\nANA: You are late.",
    has_cues=True,
)
