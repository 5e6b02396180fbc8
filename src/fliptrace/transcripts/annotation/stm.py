"""Reader for STM (NIST): the reference transcript of a recogniser, one segment per line with speaker and times.

Format: recording, channel, speaker, start and end in seconds, perhaps a label such as `<o,f0,female>`, and words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from fliptrace.transcripts.annotation.nist_files import NUMBER, lines_of_recording, sample_lines, seconds
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source

_LINE = re.compile(
    rf"(?!SPEAKER\s|LEXEME\s)\S{{1,200}}\s+\S{{1,40}}\s+\S{{1,200}}\s+{NUMBER}\s+{NUMBER}(?:\s+(<(?!NA>)[^<>]{{0,200}}>))?(?:\s+(\S.*)|\s*)"
)
_LABEL = re.compile(r"<[^<>]{0,200}>\s*")
_EXPECTED = "recording, channel, speaker, start, end and words"
_NOT_SCORED = ("ignore_time_segment_in_scoring", "inter_segment_gap", "excluded_region")


def read_stm(source: Source) -> Iterator[RawUtterance]:
    """Yield the segments of one recording, in the order of time."""
    said: list[RawUtterance] = []
    for line in lines_of_recording(source, 5, _EXPECTED, max_split=5):
        speaker = line.fields[2]
        start, end = (seconds(line, i, source, "a start and an end") for i in (3, 4))
        text = _LABEL.sub("", line.fields[5], count=1).strip() if len(line.fields) > 5 else ""
        if text.casefold() in _NOT_SCORED or speaker.casefold() in _NOT_SCORED:
            source.leave_out(line.place, text or speaker, "segments that are not scored")
        else:
            said.append(RawUtterance(line.place, text, None if speaker == "unknown" else speaker, start, end))
    if any(before.start > after.start for before, after in pairwise(said)):  # type: ignore[operator]
        source.notes.append("segments were not in the order of time: put in order")
        said.sort(key=lambda raw: raw.start)  # type: ignore[arg-type, return-value]
    yield from said


def _sniff(source: Source) -> Evidence:
    found = [_LINE.fullmatch(line) for line in sample_lines(source)]
    if not found or not all(found):
        return NO_EVIDENCE
    num_labelled = sum(match[1] is not None for match in found if match)
    num_worded = sum(match[2] is not None for match in found if match)
    if num_labelled * 2 > len(found):
        return Evidence(1.0, "lines of STM")
    if len(found) > 1 and num_worded * 2 > len(found):
        return Evidence(0.8, "lines of STM: a recording, a channel, a speaker, two times and words")
    return NO_EVIDENCE


READER = Reader(
    "stm",
    (".stm",),
    _sniff,
    read_stm,
    title="STM (reference transcript of a recogniser)",
    example="call 1 ana 0.50 2.10 <o,f0,female> you are late\ncall 1 ben 2.30 4.00 <o,f0,male> the train stood\n",
)
