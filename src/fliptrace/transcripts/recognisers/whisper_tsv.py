"""Reader for the TSV of Whisper: lines of start, end and text, separated by tabs. Times are whole milliseconds.

Whisper quotes nothing, so quotation marks are text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fliptrace.transcripts.recognisers.shapes import in_seconds
from fliptrace.transcripts.recognisers.turns import take_label
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source

_HEADER = ["start", "end", "text"]
_ROW = re.compile(r"\d{1,12}\t\d{1,12}\t")


def read_whisper_tsv(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per line."""
    source.refuse_part("Whisper TSV")
    if source.lines[0].split("\t") != _HEADER:
        raise source.error("line 1", f"found {source.lines[0][:60]!r}; expected start, end and text, separated by tabs")
    for number, line in enumerate(source.lines[1:], start=2):
        if not line.strip():
            continue
        if _ROW.match(line) is None:
            source.leave_out(f"line {number}", line, "lines without start, end and text")
            continue
        start, end, text = line.split("\t", 2)
        yield take_label(RawUtterance(f"line {number}", text, None, in_seconds(start, 1000), in_seconds(end, 1000)))


def _sniff(source: Source) -> Evidence:
    if not source.text.startswith("start\tend\ttext\n"):
        return NO_EVIDENCE
    rows = [line for line in source.lines[1:20] if line.strip()]
    if not rows or sum(_ROW.match(line) is not None for line in rows) < len(rows) * 0.7:
        return NO_EVIDENCE
    return Evidence(0.9, "the columns start, end and text with whole numbers")


READER = Reader(
    "whisper-tsv",
    (".tsv",),
    _sniff,
    read_whisper_tsv,
    title="Whisper TSV",
    example="start\tend\ttext\n0\t2000\tYou are late.",
    has_cues=True,
)
