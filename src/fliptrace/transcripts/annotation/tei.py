"""Reader for TEI: transcriptions of speech (`u`, `annotationBlock`) and plays (`sp`), TEI P5 chapters 7 and 8."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from fliptrace.transcripts.annotation.xml_tree import attribute, local, parse_xml, root_tag
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source
from fliptrace.transcripts.times import read_time

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_CUES = frozenset(("stage", "vocal", "kinesic", "incident", "desc"))
_UNSPOKEN = frozenset(("speaker", "note", "pause", "fs", "spanGrp", "fw", "del"))
_WORD_BREAKS = frozenset(("p", "l", "lg", "ab", "seg", "w", "lb", "s", "anchor", "pb"))


def read_tei(source: Source) -> Iterator[RawUtterance]:
    """Yield the utterances, or the speeches of a play, in order."""
    source.refuse_part("TEI")
    root = parse_xml(source)
    names, times = _names(root), _times(root)
    for number, block in enumerate(_outermost(root), start=1):
        who = attribute(block, "who") or next(
            (attribute(each, "who") for each in block.iter() if attribute(each, "who")), ""
        )
        speaker = next((each for each in block if local(each) == "speaker"), None)
        called = _text_of(speaker).rstrip(".:") if speaker is not None else ""
        name = called or ", ".join(names.get(each.lstrip("#"), each.lstrip("#")) for each in who.split()) or None
        words, cues = list[str](), list[str]()
        _collect(block, words, cues)
        start, end = (times.get(attribute(block, side).lstrip("#")) for side in ("start", "end"))
        yield RawUtterance(f"utterance {number}", "".join(words), name, start, end, cues=tuple(dict.fromkeys(cues)))


def _text_of(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())


def _outermost(root: Element) -> Iterator[Element]:
    """The utterances and speeches that are not within another one."""
    stack = [root]
    while stack:
        here = stack.pop()
        if local(here) in ("annotationBlock", "u", "sp"):
            yield here
        else:
            stack += reversed(here)


def _collect(element: Element, words: list[str], cues: list[str]) -> None:
    """Gather the words and cues of an utterance. Depth is bounded by the parser of the file."""
    stack: list[Element | str] = [element]
    while stack:
        here = stack.pop()
        if isinstance(here, str):
            words.append(here)
            continue
        inner: list[Element | str] = [here.text or ""]
        for each in here:
            kind = local(each)
            if kind in _CUES:
                cue = _text_of(each) or attribute(each, "desc")
                cues += [cue] if cue else []
            elif kind not in _UNSPOKEN and kind:
                inner += [" ", each] if kind in _WORD_BREAKS else [each]
            inner.append(f" {each.tail or ''}" if kind in _WORD_BREAKS | _CUES else each.tail or "")
        stack += reversed(inner)


def _names(root: Element) -> Mapping[str, str]:
    """The names of people by their ids."""
    names = {}
    for person in root.iter():
        if local(person) in ("person", "personGrp", "castItem"):
            name = next((_text_of(e) for e in person.iter() if local(e) in ("persName", "name", "role")), "")
            own = attribute(person, "id") or next((attribute(e, "id") for e in person.iter() if attribute(e, "id")), "")
            names[own] = name or attribute(person, "n") or own
    return names


def _times(root: Element) -> Mapping[str, float]:
    """The points of the timeline in seconds. Points without a readable time are left out."""
    times: dict[str, float] = {}
    for line in root.iter():
        if local(line) != "timeline":
            continue
        unit = {"ms": 1e-3, "min": 60.0}.get(attribute(line, "unit"), 1.0)
        for point in line:
            interval, since = attribute(point, "interval"), attribute(point, "since").lstrip("#")
            try:
                if interval:
                    lasted = read_time(interval)
                    times[attribute(point, "id")] = (lasted or 0.0) * unit + times.get(since, 0.0)
                elif attribute(point, "absolute"):
                    times[attribute(point, "id")] = read_time(attribute(point, "absolute")) or 0.0
                elif not times:
                    times[attribute(point, "id")] = 0.0
            except ValueError:
                continue
    return times


def _sniff(source: Source) -> Evidence:
    if root_tag(source).rpartition(":")[2] in ("TEI", "TEI.2", "teiCorpus") and any(
        f"<{tag}" in source.text for tag in ("u ", "u>", "sp ", "sp>", "annotationBlock")
    ):
        return Evidence(1.0, "TEI with utterances or speeches")
    return NO_EVIDENCE


READER = Reader(
    "tei",
    (".tei", ".xml"),
    _sniff,
    read_tei,
    title="TEI (speech and plays)",
    example="""<TEI xmlns="http://www.tei-c.org/ns/1.0">
  <text><body>
    <u who="#Ana">You are late.</u>
    <u who="#Ben">The train stood.</u>
  </body></text>
</TEI>
""",
)
