"""Reader for CTM (NIST): one recognised word per line with its times, but rarely with its speaker.

Format: recording, channel, start and duration in seconds, word, and perhaps confidence, kind of word and speaker.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fliptrace.transcripts.annotation.nist_files import NUMBER, Line, lines_of_recording, sample_lines, seconds
from fliptrace.transcripts.annotation.word_times import TimedWord, join_words
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source

_LINE = re.compile(
    rf"\S{{1,200}}\s+\S{{1,40}}\s+{NUMBER}\s+{NUMBER}\s+(\S{{1,200}})(?:\s+(?:-?{NUMBER}|NA)(?:\s+\S+){{0,2}})?\s*"
)
_EXPECTED = "recording, channel, start, duration and word"
_NO_SPEECH = frozenset(("non-lex", "misc", "noise"))


def read_ctm(source: Source) -> Iterator[RawUtterance]:
    """Yield utterances joined from the words of one recording. Channels are the speakers of words that name none."""
    lines = []
    for line in lines_of_recording(source, 5, _EXPECTED, max_split=8):
        fields = line.fields
        if fields[4].startswith(("<", "[")) or (len(fields) > 6 and fields[6] in _NO_SPEECH):
            source.leave_out(line.place, fields[4], "sounds and pauses")
        else:
            lines.append(line)
    has_channels = len({line.fields[1] for line in lines}) > 1
    yield from join_words([_word(line, has_channels, source) for line in lines], source)


def _word(line: Line, has_channels: bool, source: Source) -> TimedWord:
    place, fields = line
    start = seconds(line, 2, source, "a start and a duration")
    duration = seconds(line, 3, source, "a start and a duration")
    named = fields[7] if len(fields) > 7 and fields[7] not in ("unknown", "NA", "<NA>") else None
    return TimedWord(start, duration, fields[4], named or (fields[1] if has_channels else None), place)


def _sniff(source: Source) -> Evidence:
    found = [_LINE.fullmatch(line) for line in sample_lines(source)]
    if len(found) < 2 or not all(found):
        return NO_EVIDENCE
    words = sum(any(letter.isalpha() for letter in match[1]) for match in found if match)
    if words * 2 <= len(found):
        return NO_EVIDENCE
    return Evidence(0.9, "lines of CTM: a recording, a channel, two times and a word")


READER = Reader(
    "ctm",
    (".ctm",),
    _sniff,
    read_ctm,
    title="CTM (words of a recogniser)",
    example="call 1 0.10 0.20 where\ncall 1 0.30 0.40 now\ncall 2 2.10 0.30 here\n",
)
