"""Reader for basic transcriptions of EXMARaLDA (.exb): tiers of events over a common timeline.

Tiers of the type `t` hold what speakers say; comments and descriptions are left out. Events that follow each other are
parts of one utterance, which ends with a sentence or a gap.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fliptrace.transcripts.annotation.xml_tree import parse_xml, root_tag
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source
from fliptrace.transcripts.times import read_time

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_SENTENCE_END = re.compile(r"[.?!…˙]['\"”)]?\s*$")


def read_exmaralda(source: Source) -> Iterator[RawUtterance]:
    """Yield the utterances of all speakers in the order of the timeline."""
    source.refuse_part("EXMARaLDA")
    root = parse_xml(source)
    names = {
        speaker.get("id", ""): (speaker.findtext("abbreviation") or "").strip() or speaker.get("id", "")
        for speaker in root.iter("speaker")
    }
    positions: dict[str, int] = {}
    times: list[float | None] = []
    for point in root.iter("tli"):
        positions[point.get("id", "")] = len(times)
        try:
            times.append(read_time(point.get("time")))
        except ValueError:
            times.append(None)
    pieces: list[_Piece] = []
    for tier in root.iter("tier"):
        speaker = names.get(tier.get("speaker", ""), tier.get("display-name", "").split("[")[0].strip())
        pieces += _of_tier(tier, speaker, positions, source)
    for piece in sorted(pieces, key=lambda each: each.begun):
        start, end = (times[i] if 0 <= i < len(times) else None for i in (piece.begun, piece.reached))
        yield RawUtterance(piece.place, piece.text, piece.speaker or None, start, end)


@dataclass(slots=True)
class _Piece:
    """Events that follow each other; `begun` and `reached` are positions in the timeline."""

    place: str
    speaker: str
    text: str
    begun: int
    reached: int


def _of_tier(tier: Element, speaker: str, positions: Mapping[str, int], source: Source) -> list[_Piece]:
    """The utterances of a tier; the events of tiers that are not speech are left out."""
    pieces: list[_Piece] = []
    for number, event in enumerate(tier.findall("event"), start=1):
        words = "".join(event.itertext())
        place = f"tier {tier.get('id', '')} event {number}"
        if tier.get("type", "t") != "t":
            if words.strip():
                source.leave_out(place, words, "events of other tiers")
            continue
        begun = positions.get(event.get("start", ""), -1)
        reached = positions.get(event.get("end", ""), begun)
        last = pieces[-1] if pieces else None
        if last is None or begun != last.reached or _SENTENCE_END.search(last.text):
            pieces.append(_Piece(place, speaker, words, begun, reached))
        else:
            last.text, last.reached = last.text + words, reached
    return [piece for piece in pieces if piece.text.strip()]


def _sniff(source: Source) -> Evidence:
    return Evidence(1.0, "a basic transcription") if root_tag(source) == "basic-transcription" else NO_EVIDENCE


READER = Reader(
    "exmaralda",
    (".exb",),
    _sniff,
    read_exmaralda,
    title="EXMARaLDA",
    example="""<basic-transcription>
  <head><speakertable>
    <speaker id="S0"><abbreviation>Ana</abbreviation></speaker>
    <speaker id="S1"><abbreviation>Ben</abbreviation></speaker>
  </speakertable></head>
  <basic-body>
    <common-timeline>
      <tli id="T0" time="0"/><tli id="T1" time="1.5"/><tli id="T2" time="3.2"/>
    </common-timeline>
    <tier id="A" speaker="S0" category="v" type="t"><event start="T0" end="T1">You are late.</event></tier>
    <tier id="B" speaker="S1" category="v" type="t"><event start="T1" end="T2">The train stood.</event></tier>
  </basic-body>
</basic-transcription>
""",
)
