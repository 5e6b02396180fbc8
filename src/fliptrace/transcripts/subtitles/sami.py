"""Reader for SAMI: HTML with a SYNC element for each time in milliseconds, and a paragraph class for each language."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source
from fliptrace.transcripts.subtitles.cues import utterances_of
from fliptrace.transcripts.subtitles.lines import Cue
from fliptrace.transcripts.subtitles.markup import plain_lines

_SYNC = re.compile(r"(?i)<sync\b[^<>]{0,100}?\bstart\s{0,3}=\s{0,3}[\"']?\s{0,3}(\d{1,12})[^<>]{0,100}>")
_PARAGRAPH = re.compile(r"(?i)<p\b([^<>]{0,200})>")
_CLASS = re.compile(r"(?i)\bclass\s{0,3}=\s{0,3}[\"']?([\w-]{1,40})")
_SOURCE_LINE = re.compile(r"(?i)\bid\s{0,3}=\s{0,3}[\"']?source\b")  # names the speaker of the paragraph after it
_NOTHING = re.compile(r"(?i)(?:&nbsp;?|<[^<>]{0,200}>|\s)*")  # `&nbsp;` alone ends the subtitle before it
_BREAK = re.compile(r"(?i)<br\s?/?>")
_REST = re.compile(r"(?i)</?(?:sync|body|sami|p|table|tr|td)\b[^<>]{0,200}>|<!--|-->")


def read_sami(source: Source) -> Iterator[RawUtterance]:
    """Yield an utterance for each name or dash in each paragraph of the first language."""
    source.refuse_part("SAMI")
    _, *found = _SYNC.split(source.text)
    if not found:
        raise source.error("", "no subtitles found; expected elements such as <SYNC Start=1000><P>")
    times = [int(time) / 1000 for time in found[::2]]
    paragraphs = [(number, *each) for number, text in enumerate(found[1::2]) for each in _paragraphs_of(text)]
    languages = Counter(language for _, language, _, text in paragraphs if _is_shown(text))
    chosen = next((language for language, number in languages.most_common(1)), "")
    cues, speaker = [], ""
    for number, language, is_source, text in paragraphs:
        place = f"subtitle {number + 1}"
        if language != chosen:
            if _is_shown(text):
                source.leave_out(place, text.strip(), "subtitles in other languages")
            continue
        text = _BREAK.sub("\x01", text)
        text = " ".join(_REST.sub("", text).split()).replace("\x01", "\n")
        if is_source:
            speaker = text
            continue
        if not _is_shown(text):
            continue
        end = times[number + 1] if number + 1 < len(times) else None
        text = f"{speaker.strip().rstrip(':')}: {text}" if speaker.strip() else text
        cues.append(Cue(place, times[number], end, plain_lines(text, place, source, is_vtt=False)))
        speaker = ""
    yield from utterances_of(cues, source, noun="subtitle", sort=True)


def _paragraphs_of(text: str) -> Iterator[tuple[str, bool, str]]:
    """The class of each paragraph after a SYNC element, whether it only names the speaker, and its text."""
    before, *paragraphs = _PARAGRAPH.split(text)
    if _is_shown(_REST.sub("", before)):
        yield "", False, before
    for attributes, content in zip(paragraphs[::2], paragraphs[1::2], strict=True):
        found = _CLASS.search(attributes)
        yield (found[1].casefold() if found else ""), _SOURCE_LINE.search(attributes) is not None, content


def _is_shown(text: str) -> bool:
    """Whether a paragraph has text."""
    return _NOTHING.fullmatch(text) is None


def _sniff(source: Source) -> Evidence:
    head = source.text[:3_000].lstrip()
    if re.match(r"(?i)<sami\b", head) or (head.startswith("<") and _SYNC.search(source.text[:20_000])):
        return Evidence(1.0, "the element SAMI")
    return NO_EVIDENCE


READER = Reader(
    "sami",
    (".smi", ".sami"),
    _sniff,
    read_sami,
    title="SAMI",
    example="<SAMI><BODY>\n<SYNC Start=1000><P Class=ENCC>Ana: You are late.\n</BODY></SAMI>",
    has_cues=True,
)
