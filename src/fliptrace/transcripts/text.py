"""Reads plain text: `Name: text` a line, with or without times before it.

A line that names nobody goes on with the utterance before. In a file that names nobody at all, every line is an
utterance.
"""

from __future__ import annotations

from collections.abc import Iterator

from fliptrace.transcripts.source import MAX_CHARACTERS, RawUtterance, Reader, Source
from fliptrace.transcripts.speech import Spoken, read_line


def read_text_lines(source: Source) -> Iterator[RawUtterance]:
    """An utterance for each line that names its speaker, those that follow joined to it."""
    source.refuse_part("text")
    lines = source.text.split("\n")
    has_names = any(spoken is not None and spoken.speaker is not None for spoken in map(read_line, lines))
    place, current, more = "", None, list[str]()
    num_characters = 0
    for number, line in enumerate(lines, start=1):
        spoken = read_line(line)
        if spoken is None and (current is None or not has_names) and line.strip():
            spoken = Spoken(None, line)
        if spoken is None and num_characters <= MAX_CHARACTERS:
            more.append(line)
            num_characters += len(line)
            continue
        if current is not None:
            yield _join(place, current, more)
        if spoken is None:  # too long already, which `assemble` says; nothing can follow
            return
        place, current, more, num_characters = f"line {number}", spoken, [], len(spoken.text)
    if current is not None:
        yield _join(place, current, more)


def _join(place: str, spoken: Spoken, more: list[str]) -> RawUtterance:
    text = "\n".join([spoken.text, *more]).strip()
    return RawUtterance(place, text, spoken.speaker, spoken.start, spoken.end, cues=spoken.cues)


# Any text may be this, so no content speaks for it: it is what is left.
READER = Reader("text", (".txt", ".text", ".md"), lambda source: False, read_text_lines, has_cues=True)
