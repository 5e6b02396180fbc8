"""Reader for the timed text of YouTube: captions as XML, in three versions."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source
from fliptrace.transcripts.subtitles.cues import utterances_of
from fliptrace.transcripts.subtitles.lines import Cue
from fliptrace.transcripts.subtitles.markup import plain_lines
from fliptrace.transcripts.subtitles.xml import local_name, parse_xml

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_ROOT = re.compile(r"<(transcript|timedtext)[\s>]")
_MILLISECONDS = re.compile(r"-?\d{1,12}")
_SECONDS = re.compile(r"\d{1,9}(?:\.\d{0,9})?")


def read_timedtext(source: Source) -> Iterator[RawUtterance]:
    """Yield an utterance for each caption: `<text start="1.5" dur="2">` in seconds, `<p t="1500" d="2000">` in
    milliseconds."""
    source.refuse_part("timed text")
    root = parse_xml(source, "timed text")
    cues: list[Cue] = []
    for element in root.iter():
        if local_name(element.tag) in ("text", "p"):
            cue = _cue_of(element, f"caption {len(cues) + 1}", source)
            cues += [cue] if cue is not None else []
    if not cues:
        raise source.error("", "no captions found; expected <text start=... dur=...> or <p t=... d=...>")
    yield from utterances_of(cues, source, noun="caption")


def _cue_of(element: Element, place: str, source: Source) -> Cue | None:
    text = html.unescape("".join(element.itertext()))  # entities are escaped twice
    if element.get("a") == "1" and not text.strip():  # a line break of rolling captions
        return None
    in_seconds = local_name(element.tag) == "text"
    pattern, keys = (_SECONDS, ("start", "dur")) if in_seconds else (_MILLISECONDS, ("t", "d"))
    numbers = [element.get(key, "") for key in keys]
    start, duration = (
        float(number) / (1 if in_seconds else 1000) if pattern.fullmatch(number) else None for number in numbers
    )
    end = start + duration if start is not None and duration is not None else None
    return Cue(place, start, end, plain_lines(text, place, source, is_vtt=False))


def _sniff(source: Source) -> Evidence:
    found = _ROOT.search(source.text[:500]) if source.text.lstrip()[:1] == "<" else None
    return NO_EVIDENCE if found is None else Evidence(0.95, f"the root element {found[1]}")


READER = Reader(
    "timedtext",
    (".srv1", ".srv2", ".srv3"),
    _sniff,
    read_timedtext,
    title="YouTube timed text (XML)",
    example='<transcript><text start="1.0" dur="2.0">You are late.</text></transcript>',
    has_cues=True,
)
