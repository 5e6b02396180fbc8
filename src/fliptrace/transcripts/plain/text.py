"""Readers for plain text: `Name: words` on one line, or the name and the time above the words.

Names are found by evidence from the whole file (`names`, `headers`). A line without a name continues the previous
utterance. In a file without any names, every line is an utterance.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from fliptrace.transcripts.plain.decisions import directions_among
from fliptrace.transcripts.plain.headers import Headers, find_headers
from fliptrace.transcripts.plain.inline_turns import split_turns
from fliptrace.transcripts.plain.looks import key_of
from fliptrace.transcripts.plain.names import Found, find_names
from fliptrace.transcripts.plain.not_speech import LABEL, has_no_words, is_log, refuse_other_files
from fliptrace.transcripts.plain.notices import (
    is_field,
    is_label,
    is_legend,
    is_link,
    is_list_of_people,
    is_start_of_transcript,
    is_title,
    notice_of,
)
from fliptrace.transcripts.plain.page import SAMPLE, Line, read_page, read_sample
from fliptrace.transcripts.plain.prefixes import Head
from fliptrace.transcripts.plain.stamps import Stamp, Stamped, from_the_first, take_ending, take_last, without_stamps
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source

_NONE = Stamp(None)
_IN_BRACKETS = re.compile(r"\[[^\[\]]{1,100}\]|\([^()]{1,100}\)")
_MAX_TITLES = 25  # lines above the first speaker; more lines are not titles
_ENDS = '.!?…।。！？؟"”’»)]'


def read_text_lines(source: Source) -> list[RawUtterance]:
    """Return an utterance for each name, joined with the lines that continue it."""
    source.refuse_part("text")
    refuse_other_files(source)
    page = _leave_out_summary(read_page(source), source)
    found = _structure_of(page, source)
    return _Builder(source, page, found).read()


def _start_of_transcript(page: Sequence[Line]) -> int:
    """The index of the first line below a lone line `Transcript`, under a summary; 0 if there is none."""
    for i, line in enumerate(page[:-2]):
        if (line.is_heading or (line.opens and page[i + 1].opens)) and is_start_of_transcript(line.text):
            return i + 1
    return 0


def _leave_out_summary(page: list[Line], source: Source) -> list[Line]:
    """The page below a lone line `Transcript`; the lines above it are a summary, a list of tasks or metadata."""
    start = _start_of_transcript(page)
    for i, line in enumerate(page[:start]):
        why = notice_of(line.text)
        if why is None and (is_field(line.text) or is_label(line.text)):
            why = "lines of metadata"
        if why is None:
            why = "titles" if i == 0 and is_title(line.text) else "lines above the transcript"
        source.leave_out(f"line {line.number}", line.text, why)
    return page[start:]


@dataclass
class _Structure:
    """The heads of utterances by index of line. `is_stacked`: names are above the words, not before them."""

    names: Found
    headers: Headers
    is_stacked: bool = False
    heads: dict[int, Head] = field(default_factory=dict)

    def __post_init__(self) -> None:
        own, above = self.names.heads, self.headers.heads
        self.is_stacked = bool(above) and len(above) >= len(own.keys() - above.keys())
        if not self.is_stacked:
            self.heads = {**own}
            return
        known = {key_of(head.name or "") for head in above.values()}
        beside = {i: head for i, head in own.items() if key_of(head.name or "") in known}
        self.heads = {**beside, **above}


def _structure_of(page: Sequence[Line], source: Source) -> _Structure:
    headers = find_headers(page, source.speakers)
    return _Structure(find_names(page, source.speakers, len(headers.heads) >= 3), headers)


@dataclass
class _Builder:
    """Builds the utterances, line by line. `pending` is a time that belongs to the next utterance."""

    source: Source
    page: Sequence[Line]
    found: _Structure
    utterances: list[RawUtterance] = field(default_factory=list)
    stamps: list[Stamp] = field(default_factory=list)
    place: str = ""
    head: Head | None = None
    words: list[str] = field(default_factory=list)
    pending: Stamp | None = None
    has_bare_stamps: bool = False
    endings: list[Stamped | None] = field(default_factory=list)
    num_carried: int = 0
    num_split: int = 0

    def read(self) -> list[RawUtterance]:
        heads, times = self.found.heads, self.found.headers.times
        first = min(heads, default=0)
        if not heads:
            fields = next((i for i, line in enumerate(self.page) if not is_field(line.text)), len(self.page))
            first = fields if fields >= 2 else 0
        num_bare = sum(line.stamp is not None and line.text[:1].isdigit() for line in self.page)
        self.has_bare_stamps = num_bare >= max(2, 0.3 * len(self.page))
        dated = [i for i in times if i < first and notice_of(self.page[i].text) == "date lines"]
        directions = directions_among(self.page, heads) if heads else frozenset()
        in_fields = in_part = False
        for i, line in enumerate(self.page):
            if i in heads:
                self._open_named(line, heads[i])
                continue
            if i in directions:
                self.source.leave_out(f"line {line.number}", line.text, "stage directions")
                continue
            if i < first and self.pending is None and (line.stamp is None or not heads):
                in_part = (in_part and not line.is_heading) or (line.is_heading and is_label(line.text))
                in_fields = (in_fields and not line.opens) or is_label(line.text) or in_part
                if why := self._not_speech(line, in_fields or i in self.found.names.facts):
                    self.source.leave_out(f"line {line.number}", line.text, why)
                    continue
            if (why := notice_of(line.text)) is not None and (i not in times or [i] == dated or why != "date lines"):
                self.source.leave_out(f"line {line.number}", line.text, why)
            elif i in times:
                self._take_time(times[i])
            elif line.is_heading and heads:
                self.source.leave_out(f"line {line.number}", line.text, "headings")
            else:
                self._take_words(line, bool(heads))
        self._close()
        self._add_notes()
        self._take_endings()
        return from_the_first(self.utterances, self.stamps, self.source)

    def _take_endings(self) -> None:
        """Take the times at the ends of the lines if most lines have one, and there are no others."""
        num_endings = sum(ending is not None for ending in self.endings)
        if num_endings < max(2, 0.6 * len(self.utterances)) or any(stamp.start is not None for stamp in self.stamps):
            return
        self.source.notes.append(f"times at the ends of lines are read as their starts: {num_endings:,}")
        for i, ending in enumerate(self.endings):
            if ending is not None:
                self.stamps[i] = ending.stamp
                self.utterances[i] = replace(self.utterances[i], text=without_stamps(ending.rest))

    def _not_speech(self, line: Line, in_fields: bool) -> str | None:
        """The reason to leave out a line before the first name; None if it seems to be speech."""
        if (why := notice_of(line.text)) is not None:
            return why
        if in_fields or is_field(line.text) or is_label(line.text) or is_link(line.text):
            return "lines of metadata"
        if self.found.heads:
            if is_legend(line.text) or is_list_of_people(line.text):
                return "lines of metadata"
            if line.head and line.head == line.text.strip():
                return "editor's notes"
        if line.is_heading or (is_title(line.text) and min(self.found.heads, default=0) <= _MAX_TITLES):
            return "titles"
        return "lines before the first speaker" if self.found.is_stacked else None

    def _open_named(self, line: Line, head: Head) -> None:
        if self.head is not None and not self.words and not self.head.text and self.head.name is not None:
            same = key_of(self.head.name) == key_of(head.name or "")
            if same and not head.text:  # the same name and time twice
                known = self.head.stamp if self.head.stamp is not None else head.stamp
                self.head = self.head._replace(stamp=known)
                return
        turns = split_turns(head, self.found.names.splits)
        self.num_split += len(turns) - 1
        for turn in turns:
            self._open(line, turn)

    def _open(self, line: Line, head: Head) -> None:
        self._close()
        self.place = f"line {line.number}"
        self.head = head if head.stamp is not None else head._replace(stamp=self.pending)
        self.pending = None

    def _take_time(self, stamp: Stamp) -> None:
        if self.head is not None and not self.words and not self.head.text:
            if self.head.stamp is None:  # the time is below the name
                self.head = self.head._replace(stamp=stamp)
            return
        self.pending = stamp

    def _take_words(self, line: Line, has_names: bool) -> None:
        name = None if self.head is None else self.head.name
        if line.stamp is not None and (self.has_bare_stamps or not line.text[:1].isdigit()):
            carried = has_names and name is not None
            if self.head is not None and not self.words and not self.head.text and carried:
                stamp = self.head.stamp or line.stamp
                self.head = self.head._replace(stamp=stamp)
                self.words.append(line.body)
                return
            self.num_carried += carried
            self._open(line, Head(name if carried else None, line.body, line.stamp))
        elif self.pending is not None:
            carried = has_names and name is not None
            self.num_carried += carried
            self._open(line, Head(name if carried else None, line.text.strip()))
        elif line.mark.startswith(">>") or self.head is None or (not has_names and not self._is_below_time()):
            self._open(line, Head(None, line.text.strip()))
        elif _IN_BRACKETS.fullmatch(line.text.strip()):
            self.words.append(line.text.strip())
        elif line.opens and self._last_words()[-1:] in _ENDS and has_names:
            self._continue_in_paragraph(line)
        else:
            self.words.append(line.text.strip())

    def _is_below_time(self) -> bool:
        """Whether the utterance began with a time; in a file without names, it ends at the next line with a time."""
        return bool(self.found.headers.times) and self.head is not None and self.head.stamp is not None

    def _continue_in_paragraph(self, line: Line) -> None:
        """Begin an utterance of the same speaker at a new paragraph, unless nothing has been said yet."""
        assert self.head is not None
        if not self.head.text and not self.words:
            self.words.append(line.text.strip())
            return
        self._open(line, Head(self.head.name, line.text.strip()))

    def _last_words(self) -> str:
        if self.words:
            return self.words[-1]
        return "" if self.head is None else self.head.text

    def _close(self) -> None:
        if self.head is None:
            return
        text = "\n".join([self.head.text, *self.words]).strip()
        stamp = self.head.stamp or _NONE
        if (ended := take_ending(text)) is not None:
            text, stamp = ended.rest, stamp._replace(end=ended.stamp.end)
        self.endings.append(take_last(text))
        self.utterances.append(RawUtterance(self.place, without_stamps(text), self.head.name, cues=self.head.cues))
        self.stamps.append(stamp)
        self.head, self.words = None, []

    def _add_notes(self) -> None:
        if self.num_carried:
            self.source.notes.append(
                f"utterances with a time but no name, assigned to the previous speaker: {self.num_carried:,}"
            )
        if self.num_split:
            self.source.notes.append(f"turns that begin inside a line, split off at the names: {self.num_split:,}")
        outside = {each.place for each in self.source.left_out}
        rejected = {
            name: [line for line in lines if f"line {line}" not in outside]
            for name, lines in self.found.names.rejected.items()
        }
        rejected = {name: lines for name, lines in rejected.items() if lines}
        if rejected and self.found.heads:
            several = [
                f"{name!r} (line {', '.join(map(str, lines[:3]))})" for name, lines in list(rejected.items())[:5]
            ]
            more = f" and {len(rejected) - 5:,} more" if len(rejected) > 5 else ""
            self.source.notes.append(
                f"words before a colon read as speech, not as speakers: {', '.join(several)}{more}; "
                "if some are speakers, name all speakers with --speakers"
            )


# --- detection ---


def _sniff_headers(source: Source) -> Evidence:
    """Names and times above the words, in the first pages."""
    if source.is_binary:
        return NO_EVIDENCE
    text = source.text[:SAMPLE]
    if text.lstrip().startswith(("{", "WEBVTT", "<")):
        return NO_EVIDENCE
    page = read_sample(text)
    page = page[_start_of_transcript(page) :]
    found = _structure_of(page, source)
    if not found.is_stacked or found.headers.heads.keys() <= found.names.heads.keys():
        return NO_EVIDENCE  # `Name:` on a line of its own is read as text
    ranges = [i for i in found.headers.times if "-->" in page[i].text and page[i].text.strip()[:1].isdigit()]
    if ranges:  # subtitles without numbers look alike, but have no names on lines of their own
        is_numbered = any(i and page[i - 1].text.strip().isdecimal() for i in ranges)
        strength = 0.0 if is_numbered else 0.97
        return Evidence(strength, "names on lines of their own below times with -->")
    return Evidence(0.7, f"{len(found.headers.heads)} names on lines of their own above the words")


def _sniff_names(source: Source) -> Evidence:
    """Any text may be plain text. Names before a colon on most lines outweigh commas or tabs that look like a table."""
    lines = [] if source.is_binary else [line for line in source.text[:10_000].split("\n") if line.strip()]
    if len(lines) > 1 and all(map(LABEL.match, lines)):
        return Evidence(0.95, "two times and words between tabs, as Audacity writes labels")
    if len(lines) > 1 and has_no_words(lines):
        return Evidence(0.95, "times and speakers without words")
    if is_log(lines[:40]):
        return Evidence(0.95, "lines with a date, a time and a level, as programs log them")
    page = read_page(Source(source.name, "\n".join(lines[:40]))) if lines else []
    ranges = sum(line.stamp is not None and line.stamp.end is not None and bool(line.body) for line in page)
    if page and ranges >= 0.6 * len(page) and page[0].text.strip()[:1] in "[(<":
        return Evidence(0.97, "times in brackets before the words")
    found = find_names(page, source.speakers)
    at_colon = sum(":" in line.body[:60] or "：" in line.body[:60] for i, line in enumerate(page) if i in found.heads)
    if page and at_colon >= 0.9 * len(page):
        return Evidence(0.3, "names before a colon on most lines")
    return Evidence(0.01, "text")


HEADERS = Reader(
    "headers",
    (),
    _sniff_headers,
    read_text_lines,
    title="Text with name and time above the words (Otter, Rev, Trint, Teams)",
    example="Ana  0:02\nYou are late.\n\nBen  0:05\nThe train stood still.",
    has_cues=True,
)
# Any text may be plain text, so this is the fallback.
READER = Reader(
    "text",
    (".txt", ".text", ".md"),
    _sniff_names,
    read_text_lines,
    title="Plain text with `Name: words` lines",
    example="Ana: You are late.\nBen: The train stood still.",
    has_cues=True,
)
