"""Reader for screenplays and Fountain (https://fountain.io/syntax): names in capitals above the words.

Scene headings, action and transitions are left out; parentheticals are cues.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fliptrace.transcripts.plain.page import SAMPLE, Line, read_page, read_sample
from fliptrace.transcripts.plain.words import AFTER_TITLE, words_of
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source

_SCENE = re.compile(
    r"(?:\d{1,4}[A-Z]?\.?\s{1,20})?(?:INT|EXT|EST|INT\.?/EXT|EXT\.?/INT|I/E|INNEN|AUSSEN|"
    r"AUẞEN)[.\s/].{1,150}|(?:Int|Ext|Est|int|ext|est)\.\s.{1,150}|\.[A-Z].{1,150}"
)
_TRANSITION = re.compile(
    r"(?:[A-Z][A-Z' ]{0,30} )?(?:TO|IN|OUT|BLACK|WHITE)[:.]|(?:FADE|CUT|DISSOLVE|SMASH CUT|MATCH CUT|WIPE|"
    r"IRIS)\b[A-Z' ]{0,30}[:.]?|"
    r"THE END\.?|END OF .{1,30}|>.{1,60}|(?:TITLE|SUPER|MONTAGE|FLASHBACK|BACK TO|INTERCUT|LATER|"
    r"CONTINUED|CONT'D|\(?(?:CONTINUED|MORE)\)?)\b.{0,60}"
)
# A full stop belongs to a name only after a title or an initial.
_NAME = re.compile(
    rf"@?([^\W\d_a-z](?:[^()\[\]:.!?…]|{AFTER_TITLE}\.|(?<=\b[A-Z])\.(?=\s?[^\W\d_a-z])){{0,40}}?)\s{{0,9}}"
    r"((?:\([^()]{1,40}\)\s{0,3}){0,3})\^?\s{0,3}:?"
)
_DEEP = 8  # blanks; action begins at the margin, or a few blanks from it
_MAC = re.compile(r"\bMa?c(?=[A-Z])")
_PARENTHETICAL = re.compile(r"\(([^()]{1,300})\)")
_VOICES = words_of(
    "o.s. os v.o. vo o.c. oc cont'd cont’d contd cont. continued cont more on off screen off-screen filtered"
)


class _Name(NamedTuple):
    name: str
    cues: tuple[str, ...]


def read_screenplay(source: Source) -> Iterator[RawUtterance]:
    """Yield an utterance for each name and the lines below it; blank lines end it."""
    source.refuse_part("a screenplay")
    page = read_page(source)
    names = _names_of(page)
    margin = min((line.indent for line in page), default=0)
    i = 0
    while i < len(page):
        line = page[i]
        name = names.get(i)
        if name is None:
            source.leave_out(f"line {line.number}", line.text.strip(), _kind_of(line.text.strip()))
            i += 1
            continue
        words, cues = list[str](), list(name.cues)
        end = i + 1
        while end < len(page) and end not in names and _goes_on(page, i, end, margin):
            said = page[end].text.strip()
            if (aside := _PARENTHETICAL.fullmatch(said)) is not None:
                cues.append(aside[1])
            else:
                words.append(said)
            end += 1
        yield RawUtterance(f"line {line.number}", " ".join(words), name.name, cues=tuple(cues))
        i = end


def _goes_on(page: Sequence[Line], name: int, i: int, margin: int) -> bool:
    """Whether a line still belongs to the name: it is in the same block, or in the next one with the same indentation.

    Action begins at the margin, words are indented, and names are indented most.
    """
    line = page[i]
    if _is_outside(line.text.strip()):
        return False
    words = page[name + 1].indent
    return not line.opens or (margin + 2 < words < page[name].indent and words - 1 <= line.indent < page[name].indent)


def _names_of(page: Sequence[Line]) -> dict[int, _Name]:
    """The names in capitals above words, by index of line."""
    found: dict[int, _Name] = {}
    names = list(map(_name_on, page))
    for i, line in enumerate(page[:-1]):
        name, below = names[i], page[i + 1]
        if name is None and line.indent >= _DEEP and line.indent > below.indent + 1:
            name = _name_by_layout(line)
        if name is None or not line.opens or below.opens or names[i + 1] is not None:
            continue
        if not _is_outside(below.text.strip()):
            found[i] = name
    return found


def _name_on(line: Line) -> _Name | None:
    text = line.text.strip()
    if len(text) > 80 or line.stamp is not None:
        return None
    if not (_is_in_capitals(text.partition("(")[0]) or text.startswith("@")):  # nearly all lines
        return None
    found = _NAME.fullmatch(text)
    if found is None or _is_outside(text):
        return None
    if not any(letter.isalpha() for letter in found[1]) or len(found[1].split()) > 5:
        return None
    notes = re.findall(r"\(([^()]{1,40})\)", found[2])
    cues = [note for note in notes if not all(word in _VOICES for word in note.casefold().replace("/", " ").split())]
    return _Name(" ".join(found[1].split()), tuple(cues))


def _name_by_layout(line: Line) -> _Name | None:
    """A line in capitals that is indented deeper than the words below it is a name, whatever punctuation it has."""
    text = " ".join(line.text.split()).rstrip(":^ ")
    is_name = len(text) <= 60 and text[:1].isalpha() and _is_in_capitals(text) and not _is_outside(line.text.strip())
    return _Name(text, ()) if is_name else None


def _is_in_capitals(name: str) -> bool:
    """Whether a name has no lower-case letters, except those of McCOY and MacLEOD."""
    if "c" in name:
        name = _MAC.sub("MC", name)
    return name == name.upper()


def _is_outside(text: str) -> bool:
    return _SCENE.fullmatch(text) is not None or _TRANSITION.fullmatch(text) is not None


def _kind_of(text: str) -> str:
    if _SCENE.fullmatch(text):
        return "scene headings"
    return "transitions" if _TRANSITION.fullmatch(text) else "lines of action"


def _sniff(source: Source) -> Evidence:
    """Scene headings and names in capitals, or names in capitals that are indented deeper than the words below."""
    if source.is_binary:
        return NO_EVIDENCE
    text = source.text[:SAMPLE]
    if text.lstrip()[:1] in ("{", "[", "<"):
        return NO_EVIDENCE
    page = read_sample(text)
    names = _names_of(page)
    if not names:
        return NO_EVIDENCE
    scenes = sum(_SCENE.fullmatch(line.text.strip()) is not None and line.opens for line in page)
    if scenes:
        return Evidence(0.9, f"{scenes} scene headings and {len(names)} names in capitals")
    deeper = sum(page[i].indent > page[i + 1].indent + 1 or page[i].indent >= 10 for i in names)
    repeated = max(Counter(name.name for name in names.values()).values())
    if deeper >= 2 and deeper >= 0.8 * len(names) and repeated >= 2:
        return Evidence(0.8, f"{len(names)} names in capitals, indented above the words")
    transitions = sum(_TRANSITION.fullmatch(line.text.strip()) is not None and line.opens for line in page)
    if transitions and repeated >= 2:
        return Evidence(0.75, f"transitions and {len(names)} names in capitals")
    return NO_EVIDENCE


READER = Reader(
    "screenplay",
    (".fountain", ".spmd"),
    _sniff,
    read_screenplay,
    title="Screenplay or Fountain",
    example="INT. KITCHEN - NIGHT\n\nANA\nYou are late.\n\nBEN (O.S.)\nThe train stood still.",
    has_cues=True,
)
