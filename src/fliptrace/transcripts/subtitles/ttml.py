"""Reader for TTML (https://www.w3.org/TR/ttml2/) and its older form DFXP: paragraphs with times and agents.

Elements are known by their local names, as each version has its own namespace. XML is parsed by defusedxml, which
refuses entities.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source, count
from fliptrace.transcripts.subtitles.cues import utterances_of
from fliptrace.transcripts.subtitles.lines import Cue, Line
from fliptrace.transcripts.subtitles.markup import unescape
from fliptrace.transcripts.subtitles.xml import local_name, parse_xml

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_ROOT = re.compile(r"<(?:[\w-]{1,20}:)?tt[\s>]")
_CLOCK = re.compile(r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})(?:\.(\d{1,12})|:(\d{1,4})(?:\.\d{1,4})?)?")
_OFFSET = re.compile(r"(\d{1,12}(?:\.\d{0,12})?)(h|m|s|ms|f|t)?")
_UNIT_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, None: 1.0}
_ROLES = {"description": "audio descriptions", "caption": "captions of sounds", "sound": "sounds", "music": "music"}
_BLANKS = re.compile(r"\s+")
_MAX_DEPTH = 100
_ROUNDING = 0.001  # seconds
_NAME_KINDS = ("full", "alias", "", "given", "family")


class _Rates(NamedTuple):
    frame: float
    tick: float


@dataclass(frozen=True, slots=True)
class _Context:
    """What an element inherits: the beginning of its container in seconds, its end, and who speaks."""

    begin: float = 0.0
    end: float | None = None
    agent: str | None = None
    role: str = ""
    is_timed: bool = False


def read_ttml(source: Source) -> Iterator[RawUtterance]:
    """Yield an utterance for each paragraph and agent, in the order of time."""
    source.refuse_part("TTML")
    root = parse_xml(source, "TTML")
    rates = _rates_of(root)
    collector = _Collector(source, rates, _agents_of(root), _are_times_absolute(root, rates))
    for child in root:
        if local_name(child.tag) == "body":
            collector.walk(child, _Context(), 0)
    if not collector.num_paragraphs:
        raise source.error("", "no paragraphs found; expected <p begin=... end=...> in the body")
    if collector.bad_times:
        shown = ", ".join(map(repr, collector.bad_times[:3]))
        source.notes.append(f"{count(len(collector.bad_times), 'unreadable time')} left out: {shown}")
    yield from utterances_of(collector.cues, source, noun="paragraph", sort=True)


class _Collector:
    """Walks the body and collects a cue for each paragraph, or for each timed span in it."""

    def __init__(self, source: Source, rates: _Rates, agents: Mapping[str, str], is_absolute: bool) -> None:
        self.source, self.rates, self.agents = source, rates, agents
        self.is_absolute = is_absolute
        self.cues: list[Cue] = []
        self.bad_times: list[str] = []
        self.num_paragraphs = 0

    def walk(self, element: Element, context: _Context, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise self.source.error("", f"elements nested over {_MAX_DEPTH} deep; expected paragraphs in divisions")
        context = self._inside(element, context)
        for child in element:
            if local_name(child.tag) == "p":
                self.num_paragraphs += 1
                self._paragraph(child, self._inside(child, context), f"paragraph {self.num_paragraphs}")
            elif local_name(child.tag) in ("div", "body"):
                self.walk(child, context, depth + 1)

    def _paragraph(self, paragraph: Element, context: _Context, place: str) -> None:
        if context.role in _ROLES:
            text = " ".join("".join(paragraph.itertext()).split())
            self.source.leave_out(place, text, _ROLES[context.role])
            return
        pieces: list[tuple[_Context, str]] = []
        self._inline(paragraph, context, pieces, 0)
        groups: list[tuple[_Context, list[tuple[str | None, str]]]] = []
        for inner, text in pieces:
            timed = (inner.begin, inner.end)
            last = groups[-1][0] if groups else None
            if last is not None and (timed == (last.begin, last.end) or not text.strip() or not inner.is_timed):
                groups[-1][1].append((inner.agent, text))
            elif text.strip() or text == "\n":
                groups.append((inner, [(inner.agent, text)]))
        for inner, said in groups:
            lines = _lines_of(said)
            if lines:
                start = inner.begin if inner.is_timed or context.is_timed else None
                self.cues.append(Cue(place, start, inner.end, lines))

    def _inline(self, element: Element, context: _Context, pieces: list[tuple[_Context, str]], depth: int) -> None:
        """Append the texts of an element with what they inherit. Only the times of spans set `is_timed` here."""
        if depth > _MAX_DEPTH:
            raise self.source.error("", f"elements nested over {_MAX_DEPTH} deep; expected spans in paragraphs")
        pieces.append((context, _collapse(element.text)))
        for child in element:
            name = local_name(child.tag)
            if name == "br":
                pieces.append((context, "\n"))
            elif name == "span":
                self._inline(child, self._inside(child, context), pieces, depth + 1)
            pieces.append((context, _collapse(child.tail)))

    def _inside(self, element: Element, context: _Context) -> _Context:
        attributes = {local_name(name): value for name, value in element.attrib.items()}
        begin, end = self._time(attributes.get("begin")), self._time(attributes.get("end"))
        duration = self._time(attributes.get("dur"))
        base = 0.0 if self.is_absolute else context.begin
        start = base + begin if begin is not None else context.begin
        if end is not None:
            finish: float | None = base + end
        else:
            finish = start + duration if duration is not None else context.end
        agent, role = context.agent, context.role
        if "agent" in attributes:
            names = [self.agents.get(key, key) for key in attributes["agent"].replace("#", " ").split()]
            agent = " & ".join(names)
        if "role" in attributes:
            role = attributes["role"].split()[0].removeprefix("x-") if attributes["role"].split() else ""
        is_timed = begin is not None if "begin" in attributes else context.is_timed
        return _Context(start, finish, agent, role, is_timed)

    def _time(self, text: str | None) -> float | None:
        if text is None or not text.strip():
            return None
        seconds = _seconds_of(text.strip(), self.rates)
        if seconds is None:
            self.bad_times.append(text[:40])
        return seconds


def _are_times_absolute(root: Element, rates: _Rates) -> bool:
    """Whether times count from the beginning of the file, not from that of the parent as in the standard.

    Apple writes such files. The times of most elements are then within those of their parents.
    """
    num_inside = num_outside = 0
    for element in root.iter():
        if not len(element):
            continue
        begin, end = (_seconds_of(element.get(name, "").strip(), rates) for name in ("begin", "end"))
        if not begin or end is None:
            continue
        for child in element:
            times = [_seconds_of(child.get(name, "").strip(), rates) for name in ("begin", "end")]
            known = [time for time in times if time is not None]
            is_inside = all(begin - _ROUNDING <= time <= end + _ROUNDING for time in known)
            num_inside += bool(known) and is_inside
            num_outside += bool(known) and not is_inside
    return num_inside > num_outside


def _collapse(text: str | None) -> str:
    """Replace blanks and line ends by single blanks, as only <br/> breaks lines in TTML."""
    return "" if not text else text if text.isprintable() and "  " not in text else _BLANKS.sub(" ", text)


def _lines_of(said: list[tuple[str | None, str]]) -> tuple[Line, ...]:
    """Join pieces to lines: a line ends at a break and where another agent begins."""
    lines: list[Line] = []
    text, voice = "", None
    for agent, piece in [*said, (None, "\n")]:
        if piece == "\n" or (agent != voice and piece.strip() and text.strip()):
            lines += [Line(unescape(text.strip()), voice)] if text.strip() else []
            text = ""
        if piece.strip():
            voice = agent if not text.strip() else voice
        text += piece if piece != "\n" else ""
    return tuple(lines)


def _agents_of(root: Element) -> dict[str, str]:
    """The names of agents by their identifiers: the full name if there are several kinds."""
    agents = {}
    for element in root.iter():
        if local_name(element.tag) != "agent":
            continue
        key = next((value for name, value in element.attrib.items() if local_name(name) == "id"), "")
        names = {
            child.get("type", ""): " ".join(unescape("".join(child.itertext())).split())
            for child in element
            if local_name(child.tag) == "name"
        }
        best = next((names[kind] for kind in _NAME_KINDS if names.get(kind)), "")
        if key and best:
            agents[key] = best
    return agents


def _rates_of(root: Element) -> _Rates:
    attributes = {local_name(name): value for name, value in root.attrib.items()}
    frame = _number(attributes.get("frameRate"), 30.0)
    multiplier = re.fullmatch(r"\s*(\d{1,9})[\s:](\d{1,9})\s*", attributes.get("frameRateMultiplier", ""))
    if multiplier is not None and int(multiplier[2]) and int(multiplier[1]):
        frame *= int(multiplier[1]) / int(multiplier[2])
    # Without a tick rate a tick is a frame if the file has a frame rate, else a second.
    tick = _number(attributes.get("tickRate"), frame if "frameRate" in attributes else 1.0)
    return _Rates(frame, tick)


def _number(text: str | None, default: float) -> float:
    return float(text) if text is not None and re.fullmatch(r"[1-9]\d{0,11}", text.strip()) else default


def _seconds_of(text: str, rates: _Rates) -> float | None:
    """Seconds of a clock time, with a fraction or with frames, or of an offset such as `2.5s` or `900t`."""
    clock = _CLOCK.fullmatch(text.replace(",", "."))
    if clock is not None:
        whole = int(clock[1] or 0) * 3600 + int(clock[2]) * 60 + int(clock[3])
        return whole + (int(clock[5]) / rates.frame if clock[5] else float(f"0.{clock[4] or 0}"))
    offset = _OFFSET.fullmatch(text)
    if offset is None:
        return None
    number = float(offset[1])
    if offset[2] in ("f", "t"):
        return number / (rates.frame if offset[2] == "f" else rates.tick)
    return number * _UNIT_SECONDS[offset[2]]


def _sniff(source: Source) -> Evidence:
    head = source.text[:3_000]
    if "<" not in head[:100] or _ROOT.search(head) is None:
        return NO_EVIDENCE
    return Evidence(1.0, "the root element tt")


READER = Reader(
    "ttml",
    (".ttml", ".dfxp", ".itt", ".xml"),
    _sniff,
    read_ttml,
    title="TTML, DFXP",
    example='<tt xmlns="http://www.w3.org/ns/ttml"><body><div>\n<p begin="1s" end="3s">You are late.</p>\n'
    "</div></body></tt>",
    has_cues=True,
)
