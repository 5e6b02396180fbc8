"""Reader for json3, the captions of YouTube as its players load them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source
from fliptrace.transcripts.subtitles.cues import utterances_of
from fliptrace.transcripts.subtitles.lines import Cue
from fliptrace.transcripts.subtitles.markup import plain_lines


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


def _sniff(source: Source) -> Evidence:
    if '"events"' not in source.text[:20_000] or not isinstance(source.json_or_none, dict):
        return NO_EVIDENCE
    events = source.json_or_none.get("events")
    first = [each for each in events[:50] if isinstance(each, dict)] if isinstance(events, list) else []
    if not any("segs" in each and "tStartMs" in each for each in first):
        return NO_EVIDENCE
    return Evidence(0.97, "events with segs and tStartMs")


READER = Reader(
    "json3",
    (".json3",),
    _sniff,
    read_json3,
    title="YouTube captions (json3)",
    example='{"events": [{"tStartMs": 1000, "dDurationMs": 2000, "segs": [{"utf8": "You are late."}]}]}',
    has_cues=True,
)
