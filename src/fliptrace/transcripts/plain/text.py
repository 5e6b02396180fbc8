"""Reader for plain text: lines `Name: text`, with or without a time before the name.

A line without a name continues the previous utterance. In a file without any names, every line is an utterance.
"""

from __future__ import annotations

from collections.abc import Iterator

from fliptrace.transcripts.source import MAX_CHARACTERS, Evidence, RawUtterance, Reader, Source
from fliptrace.transcripts.speech import Spoken, read_line


def read_text_lines(source: Source) -> Iterator[RawUtterance]:
    """Yield an utterance for each line that names a speaker, joined with the lines that continue it."""
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
        if spoken is None:  # the utterance is already too long; `assemble` raises the error
            return
        place, current, more, num_characters = f"line {number}", spoken, [], len(spoken.text)
    if current is not None:
        yield _join(place, current, more)


def _join(place: str, spoken: Spoken, more: list[str]) -> RawUtterance:
    text = "\n".join([spoken.text, *more]).strip()
    return RawUtterance(place, text, spoken.speaker, spoken.start, spoken.end, cues=spoken.cues)


# Any text may be plain text, so this is the fallback: any other evidence outweighs it.
READER = Reader(
    "text",
    (".txt", ".text", ".md"),
    lambda source: Evidence(0.01, "text"),
    read_text_lines,
    title="Plain text with `Name: words` lines",
    example="Ana: You are late.\nBen: The train stood still.",
    has_cues=True,
)
