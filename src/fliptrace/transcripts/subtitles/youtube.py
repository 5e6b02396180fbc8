"""Readers for the captions of YouTube as its players load them: timed text as XML, and json3 with words."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

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


def read_json3(source: Source) -> Iterator[RawUtterance]:
    """Yield an utterance for each event with text. Times are milliseconds."""
    source.refuse_part("json3")
    events = source.json.get("events") if isinstance(source.json, dict) else None
    if not isinstance(events, list):
        raise source.error("", "expected an object with a list of events")
    cues = []
    for number, event in enumerate(events, start=1):
        place = f"event {number}"
        if not isinstance(event, dict):
            raise source.error(place, f"found {type(event).__name__}; expected an object")
        text = _text_of(event, source, place)
        if not text.strip():  # windows, and line breaks of rolling captions
            continue
        start, duration = _milliseconds(event.get("tStartMs")), _milliseconds(event.get("dDurationMs"))
        end = start + duration if start is not None and duration is not None else None
        cues.append(Cue(place, start, end, plain_lines(text, place, source, is_vtt=False)))
    yield from utterances_of(cues, source, noun="caption")


def _text_of(event: Mapping[str, Any], source: Source, place: str) -> str:
    segments = event.get("segs") or []
    if not isinstance(segments, list) or not all(isinstance(each, dict) for each in segments):
        raise source.error(place, "found segs that are not a list of objects; expected [{'utf8': ...}]")
    return "".join(each["utf8"] for each in segments if isinstance(each.get("utf8"), str))


def _milliseconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        return None
    return value / 1000


def _sniff_timedtext(source: Source) -> Evidence:
    found = _ROOT.search(source.text[:500]) if source.text.lstrip()[:1] == "<" else None
    return NO_EVIDENCE if found is None else Evidence(0.95, f"the root element {found[1]}")


def _sniff_json3(source: Source) -> Evidence:
    if '"events"' not in source.text[:20_000] or not isinstance(source.json_or_none, dict):
        return NO_EVIDENCE
    events = source.json_or_none.get("events")
    first = [each for each in events[:50] if isinstance(each, dict)] if isinstance(events, list) else []
    if not any("segs" in each and "tStartMs" in each for each in first):
        return NO_EVIDENCE
    return Evidence(0.97, "events with segs and tStartMs")


TIMEDTEXT = Reader(
    "timedtext",
    (".srv1", ".srv2", ".srv3"),
    _sniff_timedtext,
    read_timedtext,
    title="YouTube timed text (XML)",
    example='<transcript><text start="1.0" dur="2.0">You are late.</text></transcript>',
    has_cues=True,
)
JSON3 = Reader(
    "json3",
    (".json3",),
    _sniff_json3,
    read_json3,
    title="YouTube captions (json3)",
    example='{"events": [{"tStartMs": 1000, "dDurationMs": 2000, "segs": [{"utf8": "You are late."}]}]}',
    has_cues=True,
)
