"""Reader for RTTM (NIST), which says who speaks when. It rarely has words (`LEXEME` lines), and only these are read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fliptrace.transcripts.annotation.nist_files import sample_lines
from fliptrace.transcripts.annotation.word_times import TimedWord, join_words
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source

_KINDS = r"SPEAKER|SPKR-INFO|LEXEME|NON-LEX|NON-SPEECH|SEGMENT|SU|NOSCORE|NO_RT_METADATA|EDIT|FILLER|IP|CB|A/P"
_LINE = re.compile(rf"(?:{_KINDS})\s+\S+\s+(?:\d+|<NA>)\s+(?:[\d.]+|<NA>)\s+(?:[\d.]+|<NA>)\s+\S+\s+\S+\s+\S+")


def read_rttm(source: Source) -> Iterator[RawUtterance]:
    """Yield utterances joined from words; InputError if there are none, as in most files."""
    source.refuse_part("RTTM")
    words = []
    for number, line in enumerate(source.lines, start=1):
        fields = line.split(None, 8)  # what follows is not read
        if len(fields) >= 8 and fields[0] == "LEXEME" and fields[5] != "<NA>":
            place = f"line {number}"
            try:
                words.append(TimedWord(float(fields[3]), float(fields[4]), fields[5], fields[7], place))
            except ValueError as error:
                raise source.error(place, f"found {line[:60]!r}; expected a start and a duration") from error
    if not words:
        message = "an RTTM file says who speaks when, but has no words; expected a transcript"
        raise source.error("", f"{message} (WhisperX and others combine both: read their output)")
    yield from join_words(words, source)


def _sniff(source: Source) -> Evidence:
    lines = sample_lines(source)
    if lines and all(map(_LINE.match, lines)):
        return Evidence(1.0, "lines of RTTM")
    return NO_EVIDENCE


READER = Reader("rttm", (".rttm",), _sniff, read_rttm, title="RTTM (who speaks when; refused if it has no words)")
