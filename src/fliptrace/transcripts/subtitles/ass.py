"""Reader for SubStation Alpha (ASS, SSA), whose events name an actor.

Fields are found by the Format line of [Events]. pysubs2 is not used: it expects a fixed order and stops at the first
broken time. Overrides such as `{\\i1}` and karaoke tags are markup; comments, drawings and effects are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source
from fliptrace.transcripts.subtitles.clock import seconds_of
from fliptrace.transcripts.subtitles.cues import utterances_of
from fliptrace.transcripts.subtitles.lines import Cue, Line
from fliptrace.transcripts.subtitles.markup import unescape

_DEFAULT_FIELDS = ("layer", "start", "end", "style", "name", "marginl", "marginr", "marginv", "effect", "text")
_SECTION = re.compile(r"\s{0,9}\[([^\[\]]{1,60})\]\s{0,9}")
_EVENT = re.compile(r"(?i)\s{0,9}(dialogue|comment|picture|sound|movie|command)\s{0,3}:\s{0,3}(.*)", re.DOTALL)
_DRAWING = re.compile(r"\{[^{}]{0,300}\\p[1-9][^{}]{0,300}\}")
_DRAWING_END = re.compile(r"\{[^{}]{0,300}\\p0[^{}]{0,300}\}")
_OVERRIDE = re.compile(r"\{[^{}]{0,2000}\}")
_EFFECT = re.compile(r"(?i)\s{0,9}(?:fx|code|template|karaoke)")
_NO_ACTORS = ("NTP", "Default")  # what old editors write if nobody is named
_STYLES = (
    (re.compile(r"(?i)(?:^|[^a-z])(?:signs?|titles?|typeset|ts|credits?|notes?)(?:[^a-z]|$)"), "on-screen texts"),
    (re.compile(r"(?i)(?:^|[^a-z])(?:op|ed|opening|ending|songs?|lyrics|karaoke|romaji|kanji)(?:[^a-z]|$)"), "songs"),
)


def read_ass(source: Source) -> Iterator[RawUtterance]:
    """Yield the utterances of the dialogue events, in the order of time."""
    source.refuse_part("SubStation Alpha")
    fields: tuple[str, ...] = _DEFAULT_FIELDS
    section, events = "events", list[Cue]()
    num_dialogue = 0
    for number, line in enumerate(source.lines, start=1):
        heading = _SECTION.fullmatch(line)
        if heading is not None:
            section = heading[1].casefold()
            continue
        if section != "events":
            continue
        if line.lstrip().casefold().startswith("format:"):
            fields = tuple(field.strip().casefold() for field in line.partition(":")[2].split(","))
            continue
        event = _EVENT.fullmatch(line)
        if event is None:
            if line.strip() and not line.lstrip().startswith(";"):
                source.leave_out(f"line {number}", line, "lines that are not events")
            continue
        num_dialogue += event[1].casefold() == "dialogue"
        cue = _cue_of(source, f"line {number}", event[1].casefold(), event[2], fields)
        events += [cue] if cue is not None else []
    if not num_dialogue:
        raise source.error(
            "", "no dialogue found; expected lines such as Dialogue: 0,0:00:01.00,0:00:03.00,Default,..."
        )
    yield from utterances_of(events, source, noun="event", sort=True)


def _cue_of(source: Source, place: str, kind: str, content: str, fields: tuple[str, ...]) -> Cue | None:
    """The cue of an event, or None if it is left out."""
    values = dict(zip(fields, content.split(",", len(fields) - 1), strict=False))
    text = values.get("text") or content.rpartition(",")[2]
    if kind != "dialogue":
        source.leave_out(place, text, "comments" if kind == "comment" else "events that are not dialogue")
        return None
    if _EFFECT.match(values.get("effect", "")):
        source.leave_out(place, text, "karaoke effects")
        return None
    actor = unescape(values.get("name", values.get("actor", ""))).strip() or None
    actor = None if actor in _NO_ACTORS else actor
    for style, why in _STYLES:
        if actor is None and style.search(values.get("style", "")):
            source.leave_out(place, _plain(text, source, place), why)
            return None
    plain = _plain(text, source, place)
    if not plain.strip():
        return None
    lines = tuple(Line(line, actor) for line in plain.split("\n") if line.strip())
    return Cue(place, seconds_of(values.get("start", "")), seconds_of(values.get("end", "")), lines)


def _plain(text: str, source: Source, place: str) -> str:
    """The text without drawings, overrides and comments in braces."""
    if _DRAWING.search(text):
        pieces = _DRAWING.split(text)
        for drawing in pieces[1:]:
            source.leave_out(place, _DRAWING_END.split(drawing, 1)[0], "drawings")
        text = pieces[0] + "".join(_DRAWING_END.split(piece, 1)[1] for piece in pieces[1:] if "\\p0" in piece)
    for braces in _OVERRIDE.findall(text):
        if "\\" not in braces and braces.strip("{} "):
            source.leave_out(place, braces, "comments")
    text = _OVERRIDE.sub("", text)
    return unescape(text.replace("\\N", "\n").replace("\\n", "\n").replace("\\h", " "))


def _sniff(source: Source) -> Evidence:
    head = source.text[:2_000].lstrip()
    if re.match(r"(?i)\[script info\]", head):
        return Evidence(1.0, "the section [Script Info]")
    if re.match(r"(?i)\[v4\+?\+? styles\]|\[events\]", head) or re.match(
        r"(?i)(?:dialogue|comment):\s?\S{1,9},\d", head
    ):
        return Evidence(0.95, "events of SubStation")
    return NO_EVIDENCE


READER = Reader(
    "ass",
    (".ass", ".ssa"),
    _sniff,
    read_ass,
    title="SubStation Alpha subtitles",
    example="[Events]\nFormat: Start, End, Name, Text\nDialogue: 0:00:01.00,0:00:03.00,Ana,You are late.",
    has_cues=True,
)
