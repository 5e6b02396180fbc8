"""Terminal view of how a transcript file was read: the formats that were considered, notes, and every line."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from fliptrace.analysis.wording import clock, printable
from fliptrace.transcripts.formats import Candidate
from fliptrace.transcripts.transcript import Transcript


def reading_view(transcript: Transcript, candidates: Sequence[Candidate]) -> RenderableType:
    """The utterances and everything that was left out, in the order of the file, with the reason for each."""
    heading = Text.assemble(
        f"{printable(transcript.dialogue.id)}: read as ", (transcript.format, "bold"), _evidence(transcript, candidates)
    )
    parts: list[RenderableType] = [heading]
    others = [each for each in candidates if each.reader.name != transcript.format][:3]
    if others:
        also = ", ".join(f"{each.reader.name} ({each.evidence.seen})" for each in others)
        parts.append(Text(f"also possible: {printable(also)}; choose with --format", style="dim"))
    parts += [Text.assemble(("note ", "yellow"), printable(each)) for each in transcript.notes]
    return Group(*parts, "", _lines(transcript))


def _evidence(transcript: Transcript, candidates: Sequence[Candidate]) -> str:
    seen = next((each.evidence.seen for each in candidates if each.reader.name == transcript.format), "")
    return f", by {seen}" if seen else ""


def _lines(transcript: Transcript) -> Table:
    grid = Table("place", "time", "speaker", "text", box=None, pad_edge=False, header_style="dim")
    rows: list[tuple[str, RenderableType, RenderableType, RenderableType]] = []
    for place, utterance in zip(transcript.places, transcript.utterances, strict=True):
        time = "" if utterance.start is None else clock(utterance.start)
        rows.append((place, time, Text(printable(utterance.speaker), style="bold"), Text(printable(utterance.text))))
    for left_out in transcript.left_out:
        why, text = Text(f"left out: {printable(left_out.why)}", style="yellow"), Text(printable(left_out.text), "dim")
        rows.append((left_out.place, "", why, text))
    for place, *cells in sorted(rows, key=lambda row: _position(row[0])):
        grid.add_row(Text(place, style="dim"), *cells)
    return grid


def _position(place: str) -> tuple[int, ...]:
    """The numbers of a place such as "line 12" or "case 3 utterance 4", so that places sort as in the file."""
    return tuple(int(number) for number in re.findall(r"\d{1,9}", place))
