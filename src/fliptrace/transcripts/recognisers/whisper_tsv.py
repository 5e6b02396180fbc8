"""Reader for the TSV of Whisper: lines of start, end and text, separated by tabs. Times are whole milliseconds.

Whisper quotes nothing, so quotation marks are text. Tools that add speakers write one more column.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from fliptrace.transcripts.recognisers.shapes import in_seconds
from fliptrace.transcripts.recognisers.turns import take_label
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source
from fliptrace.transcripts.units import Timed, are_seconds

_SPEAKER = ("speaker", "speaker_label", "speaker_name", "speaker_id")
_MAX_COLUMNS = 12
_TIMES = re.compile(r"\d{1,12}\t\d{1,12}\t")


def read_whisper_tsv(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per line."""
    source.refuse_part("Whisper TSV")
    columns = _columns(source)
    if not columns:
        raise source.error(
            "line 1", f"found {source.first_lines(1)[0][:60]!r}; expected start, end and text, separated by tabs"
        )
    speaker = next((name for name in _SPEAKER if name in columns), None)
    rows: list[tuple[int, dict[str, str]]] = []
    for number, line in enumerate(source.lines[1:], start=2):
        cells = _cells(line, columns)
        if cells is not None:
            rows.append((number, cells))
        elif line.strip():
            source.leave_out(f"line {number}", line, "lines without start, end and text")
    has_seconds = len(columns) > 3 and _are_seconds([row for _, row in rows])
    if has_seconds:
        source.notes.append("times are read as seconds: as milliseconds, the speech would be impossibly fast")
    per_second = 1 if has_seconds else 1000
    for number, row in rows:
        start, end = in_seconds(row["start"], per_second), in_seconds(row["end"], per_second)
        name = (row[speaker].strip() or None) if speaker else None
        yield take_label(RawUtterance(f"line {number}", row["text"], name, start, end))


def _columns(source: Source) -> list[str]:
    """The names of the columns; [] unless they begin with start and end, and one is the text."""
    names = source.first_lines(1)[0][:500].strip().split("\t")
    fits = names[:2] == ["start", "end"] and "text" in names and len(names) <= _MAX_COLUMNS
    # A file with further columns but no speaker is another tool's table.
    return names if fits and (len(names) == 3 or set(names) & set(_SPEAKER)) else []


def _cells(line: str, columns: Sequence[str]) -> dict[str, str] | None:
    """The cells by column. If the text is the last one, it may contain tabs."""
    cells = line.split("\t", len(columns) - 1 if columns[-1] == "text" else -1)
    return None if _TIMES.match(line) is None or len(cells) != len(columns) else dict(zip(columns, cells, strict=True))


def _are_seconds(rows: Sequence[Mapping[str, str]]) -> bool:
    """Whether the times can only be seconds, as in the files of some tools that add a column for the speaker."""
    return are_seconds(Timed(row["start"], row["end"], row["text"]) for row in rows)


def _sniff(source: Source) -> Evidence:
    if not source.text.startswith("start\tend\t") or not (columns := _columns(source)):
        return NO_EVIDENCE
    lines = [line for line in source.lines[1:20] if line.strip()]
    rows = [cells for line in lines if (cells := _cells(line, columns)) is not None]
    if not rows or len(rows) < len(lines) * 0.7 or (len(columns) > 3 and _are_seconds(rows)):
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
