"""Tolerant parser for files of blocks: an identifier, a line with times, lines of text (WebVTT, SubRip).

Blank lines neither end a block nor begin one: a block reaches from its times to the next ones, so that nothing between
is lost. Other parts of a file (header, notes, styles) are recorded with `Source.leave_out`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from fliptrace.transcripts.source import Source
from fliptrace.transcripts.subtitles.clock import TimeLine, read_time_line

_HEADER = re.compile(r"(?i)WEBVTT(?=\s|$)")
_ASIDE = re.compile(r"(NOTE|STYLE|REGION)(?=\s|$)")
_ASIDE_KINDS = {"NOTE": "comments", "STYLE": "styles", "REGION": "regions"}
_NUMBER = re.compile(r"\s{0,40}[#(]?(\d{1,9})[.):]?\s{0,40}")
_TOKEN = re.compile(r"\s{0,40}(?=\S{0,200}[\d_/-])[\w./:#{}-]{1,200}\s{0,40}")
# Settings of WebVTT cues and coordinates of SubRip. Anything else after the times is text.
_SETTINGS = re.compile(
    r"(?i)(?:(?:align|line|position|size|region|vertical|[a-z]|[xy][12])\s?:\s?\S{0,60}\s{0,9}){1,12}"
)
_COMMON_SHARE = 0.5  # of the cues have words as an identifier: then any words in that place are one


class Block(NamedTuple):
    """A cue as found: the number of the line with its times, its identifier, and its text."""

    line_number: int
    times: TimeLine
    identifier: str
    text: str


def read_blocks(source: Source, *, is_vtt: bool) -> list[Block]:
    """Return the blocks in the order of the file; empty if there are no lines with times."""
    lines = source.lines
    times = [(i, found) for i, line in enumerate(lines) if _may_have_times(line) and (found := read_time_line(line))]
    starts = [i for i, _ in times]
    cut = _Identifiers(lines, starts, is_vtt)
    blocks = []
    for position, (index, found) in enumerate(times):
        if position == 0:
            first = cut.end_of_text(0, 0, index, followed=True)
            _leave_out_asides(source, lines, 0, first, is_vtt=is_vtt, is_top=True)
        identifier = cut.identifier
        end = starts[position + 1] if position + 1 < len(starts) else len(lines)
        end = cut.end_of_text(position + 1, index + 1, end, followed=position + 1 < len(starts))
        kept = _leave_out_asides(source, lines, index + 1, end, is_vtt=is_vtt, is_top=False)
        if found.rest and not _SETTINGS.fullmatch(found.rest):
            kept.insert(0, found.rest)
        blocks.append(Block(index + 1, found, identifier, "\n".join(kept).strip("\n")))
    return blocks


def _may_have_times(line: str) -> bool:
    if "->" in line or ":" not in line:
        return "->" in line
    return ">" in line[:80] or (line[:40].lstrip()[:1].isdigit() and ":" in line[:12]) or "→" in line


class _Identifiers:
    """Separates the identifier of a block, which is above its times, from the text of the previous block.

    `identifier` is the one that the last call of `end_of_text` found.
    """

    def __init__(self, lines: Sequence[str], starts: Sequence[int], is_vtt: bool) -> None:
        self.lines, self.is_vtt = lines, is_vtt
        self.identifier = ""
        self.last_number: int | None = None
        above = [lines[i - 1] for i in starts if i >= 2 and lines[i - 1].strip() and not lines[i - 2].strip()]
        words = sum(_NUMBER.fullmatch(line) is None for line in above)
        self.are_words_common = len(above) >= 2 and words > _COMMON_SHARE * len(starts)

    def end_of_text(self, position: int, first: int, end: int, *, followed: bool) -> int:
        """Return where the text of the lines from `first` to `end` ends, and keep the identifier below it."""
        self.identifier = ""
        last = end - 1
        while last >= first and not self.lines[last].strip():
            last -= 1
        if not followed or last < first:
            return end
        line = self.lines[last]
        after_blank = last == 0 or (last > first and not self.lines[last - 1].strip()) or (last == first == 0)
        adjacent = last == end - 1
        number = _NUMBER.fullmatch(line)
        if number is not None:
            follows = int(number[1]) == (position if self.last_number is None else self.last_number) + 1
            if after_blank or follows or (position == 0) or (not self.is_vtt and self.last_number is not None):
                self.last_number = int(number[1])
                return last
        elif (
            adjacent
            and after_blank
            and (_TOKEN.fullmatch(line) or self.are_words_common or (self.is_vtt and position == 0))
        ):
            self.identifier = line.strip()
            return last
        return end


def _may_be_aside(line: str) -> bool:
    return line[:6].upper().startswith(("NOTE", "STYLE", "REGION", "WEBVTT"))


def _leave_out_asides(
    source: Source, lines: Sequence[str], first: int, end: int, *, is_vtt: bool, is_top: bool
) -> list[str]:
    """The lines that are text, without notes, styles, regions and headers; above the first block, none."""
    if not is_top and not (is_vtt and any(map(_may_be_aside, lines[first:end]))):
        return [line if line and not line.isspace() else "" for line in lines[first:end]]
    kept: list[str] = []
    kind, begun, gathered, depth = "", 0, list[str](), 0

    def leave_out() -> None:
        if kind and any(line.strip() for line in gathered):
            source.leave_out(f"line {begun + 1}", "\n".join(gathered), kind)

    for i in range(first, end):
        line = lines[i]
        is_blank = not line.strip()
        begins = not kind and (i == 0 or not lines[i - 1].strip() or (i == first and is_top))
        if is_blank and depth <= 0:
            leave_out()
            kind, gathered = "", []
            kept.append("")
            continue
        if begins and not is_blank:
            aside = _ASIDE.match(line) if is_vtt else None
            if aside is not None:
                kind = _ASIDE_KINDS[aside[1]]
            elif is_vtt and _HEADER.match(line):
                kind, line = "header lines", line[6:]
            elif is_top:
                kind = "lines above the first cue"
            begun, depth = i, 0
        if kind:
            depth += line.count("{") - line.count("}") if kind == "styles" else 0
            gathered.append(line)
        else:
            kept.append(line)
    leave_out()
    return kept
