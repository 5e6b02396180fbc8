"""Reader for SBV (YouTube) and SubViewer: a line with two times and a comma between them, then the text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source
from fliptrace.transcripts.subtitles.clock import seconds_of
from fliptrace.transcripts.subtitles.cues import utterances_of
from fliptrace.transcripts.subtitles.lines import Cue
from fliptrace.transcripts.subtitles.markup import plain_lines

_TIME = r"\d{1,3}:\d{1,2}:\d{1,2}[.:]\d{1,3}"
_TIMES = re.compile(rf"\s{{0,9}}({_TIME})\s{{0,9}},\s{{0,9}}({_TIME})\s{{0,40}}")
_HEADER = re.compile(r"\[(?:INFORMATION|END INFORMATION|SUBTITLE|COLF|TITLE|AUTHOR|SOURCE|PRG|FILEPATH|DELAY)\b")
_MAX_LINES_ABOVE = 20


def read_sbv(source: Source) -> Iterator[RawUtterance]:
    """Yield an utterance for each name or dash in each subtitle."""
    source.refuse_part("SBV")
    found = [(i, times) for i, line in enumerate(source.lines) if (times := _TIMES.fullmatch(line))]
    if not found:
        raise source.error("", "no subtitles found; expected times such as 0:00:01.000,0:00:03.000 above each")
    cues = []
    for number in range(found[0][0]):
        if source.lines[number].strip():
            source.leave_out(f"line {number + 1}", source.lines[number], "header lines")
    ends = [index for index, _ in found[1:]] + [len(source.lines)]
    for (index, times), end in zip(found, ends, strict=True):
        text = "\n".join(source.lines[index + 1 : end]).replace("[br]", "\n").replace("[BR]", "\n")
        place = f"line {index + 1}"
        lines = plain_lines(text, place, source, is_vtt=False)
        cues.append(Cue(place, seconds_of(times[1]), seconds_of(times[2]), lines))
    yield from utterances_of(cues, source, noun="subtitle")


def _sniff(source: Source) -> Evidence:
    lines = source.text[:4_000].split("\n")[:_MAX_LINES_ABOVE]
    above = [line for line in lines if line.strip()]
    for number, line in enumerate(above):
        if _TIMES.fullmatch(line):
            return Evidence(0.95, "two times and a comma above each subtitle")
        if number >= 1 and not any(map(_HEADER.match, above[: number + 1])):
            break
    return NO_EVIDENCE


READER = Reader(
    "sbv",
    (".sbv", ".sub"),
    _sniff,
    read_sbv,
    title="SBV (YouTube), SubViewer",
    example="0:00:01.000,0:00:03.000\nAna: You are late.",
    has_cues=True,
)
