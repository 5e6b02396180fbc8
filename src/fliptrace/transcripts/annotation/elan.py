"""Reader for ELAN (.eaf): tiers of annotations over a common list of times, as the EAF schema describes them.

Annotations without times of their own refer to others, whose times they take.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

from fliptrace.transcripts.annotation.tiers import Span, Tier, speakers_of
from fliptrace.transcripts.annotation.xml_tree import parse_xml, root_tag
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

# The milliseconds in each unit of time. Old files may count frames of video.
_UNITS = {"milliseconds": 1.0, "NTSC-frames": 1001 / 30, "PAL-frames": 40.0}

_Times = tuple[float | None, float | None]


def read_elan(source: Source) -> Iterator[RawUtterance]:
    """Yield the annotations of the tiers with words in the order of time."""
    source.refuse_part("ELAN")
    root = parse_xml(source)
    if root.tag != "ANNOTATION_DOCUMENT":
        raise source.error("", f"found the element {root.tag[:60]!r}; expected ANNOTATION_DOCUMENT")
    header = root.find("HEADER")
    units = "milliseconds" if header is None else header.get("TIME_UNITS", "milliseconds")
    slots = _slots(root, _UNITS.get(units, 1.0) / 1000)
    known: dict[str, _Times] = {}
    tiers = []
    waiting: list[tuple[Span, str, str]] = []
    for element in root.iter("TIER"):
        tier = Tier(element.get("TIER_ID", ""), element.get("PARTICIPANT", ""), element.get("PARENT_REF", ""))
        tiers.append(tier)
        for annotation in element.findall("ANNOTATION/*"):
            own = annotation.get("ANNOTATION_ID", "")
            span = Span(f"annotation {own}", annotation.findtext("ANNOTATION_VALUE") or "", None, None)
            tier.spans.append(span)
            if annotation.tag == "REF_ANNOTATION":
                waiting.append((span, own, annotation.get("ANNOTATION_REF", "")))
                continue
            refs = annotation.get("TIME_SLOT_REF1", ""), annotation.get("TIME_SLOT_REF2", "")
            span.start, span.end = slots.get(refs[0]), slots.get(refs[1])
            known[own] = span.start, span.end
    _resolve(waiting, known)
    return speakers_of(tiers, source)


def _resolve(waiting: list[tuple[Span, str, str]], known: dict[str, _Times]) -> None:
    """Set the times of annotations that refer to others, directly or in up to 20 steps."""
    refers = {own: to for _, own, to in waiting}
    for span, _, to in waiting:
        seen = 0
        while to not in known and to in refers and seen < 20:
            to, seen = refers[to], seen + 1
        span.start, span.end = known.get(to, (None, None))


def _slots(root: Element, unit: float) -> Mapping[str, float]:
    """The time of each slot in seconds; slots without one lie evenly between their neighbours."""
    names: list[str] = []
    times: list[float | None] = []
    for slot in root.iter("TIME_SLOT"):
        names.append(slot.get("TIME_SLOT_ID", ""))
        value = slot.get("TIME_VALUE", "")
        times.append(int(value) * unit if value.isdecimal() and len(value) < 12 else None)
    known = [i for i, time in enumerate(times) if time is not None]
    filled = {names[i]: times[i] or 0.0 for i in known}
    for before, after in pairwise(known):
        first, last = times[before] or 0.0, times[after] or 0.0
        for i in range(before + 1, after):
            filled[names[i]] = first + (last - first) * (i - before) / (after - before)
    return filled


def _sniff(source: Source) -> Evidence:
    return Evidence(1.0, "ANNOTATION_DOCUMENT") if root_tag(source) == "ANNOTATION_DOCUMENT" else NO_EVIDENCE


READER = Reader(
    "elan",
    (".eaf",),
    _sniff,
    read_elan,
    title="ELAN annotations",
    example="""<ANNOTATION_DOCUMENT>
  <TIME_ORDER>
    <TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="100"/><TIME_SLOT TIME_SLOT_ID="ts2" TIME_VALUE="1500"/>
    <TIME_SLOT TIME_SLOT_ID="ts3" TIME_VALUE="1800"/><TIME_SLOT TIME_SLOT_ID="ts4" TIME_VALUE="3200"/>
  </TIME_ORDER>
  <TIER TIER_ID="Ana" PARTICIPANT="Ana"><ANNOTATION>
    <ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts2">
      <ANNOTATION_VALUE>You are late.</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION>
  </ANNOTATION></TIER>
  <TIER TIER_ID="Ben" PARTICIPANT="Ben"><ANNOTATION>
    <ALIGNABLE_ANNOTATION ANNOTATION_ID="a2" TIME_SLOT_REF1="ts3" TIME_SLOT_REF2="ts4">
      <ANNOTATION_VALUE>The train stood.</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION>
  </ANNOTATION></TIER>
</ANNOTATION_DOCUMENT>
""",
)
