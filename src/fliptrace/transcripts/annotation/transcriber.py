"""Reader for Transcriber (.trs): turns of one or several speakers, cut by times (`Sync`).

Where speakers talk at once, `Who` says whose words follow. Events such as laughter are cues.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fliptrace.transcripts.annotation.xml_tree import parse_xml, root_tag
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def read_transcriber(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per speaker and stretch between two times."""
    source.refuse_part("Transcriber")
    root = parse_xml(source)
    names = {each.get("id", ""): each.get("name", "") for each in root.iter("Speaker")}
    for number, turn in enumerate(root.iter("Turn"), start=1):
        ids = turn.get("speaker", "").split()
        speakers = [names.get(each) or each for each in ids]
        yield from _of_turn(turn, speakers, f"turn {number}")


def _of_turn(turn: Element, speakers: list[str], place: str) -> list[RawUtterance]:
    start, end = turn.get("startTime"), turn.get("endTime")
    speaker = speakers[0] if speakers else None
    words, cues, begun = [turn.text or ""], list[str](), start
    said: list[RawUtterance] = []

    def close(until: str | None) -> None:
        """Add what was said since the last call as an utterance."""
        text = " ".join(" ".join(words).split())
        if text or cues:
            said.append(RawUtterance(place, text, speaker, begun, until, cues=tuple(dict.fromkeys(cues))))
        words.clear()
        cues.clear()

    for each in turn:
        if each.tag == "Sync":
            close(each.get("time"))
            begun = each.get("time") or begun
            speaker = speakers[0] if speakers else None
        elif each.tag == "Who":
            close(None)
            number = each.get("nb", "")
            known = number.isdecimal() and len(number) < 6 and 1 <= int(number) <= len(speakers)
            speaker = speakers[int(number) - 1] if known else speaker
        elif each.tag == "Event" and each.get("type", "noise") == "noise" and each.get("desc"):
            cues.append(each.get("desc", ""))
        words.append(each.tail or "")
    close(end)
    return said


def _sniff(source: Source) -> Evidence:
    if root_tag(source) == "Trans" and "<Turn" in source.text:
        return Evidence(1.0, "the elements Trans and Turn")
    return NO_EVIDENCE


READER = Reader(
    "transcriber",
    (".trs",),
    _sniff,
    read_transcriber,
    title="Transcriber",
    example="""<Trans>
  <Speakers><Speaker id="s1" name="Ana"/><Speaker id="s2" name="Ben"/></Speakers>
  <Episode><Section>
    <Turn speaker="s1" startTime="0" endTime="1.5"><Sync time="0"/>You are late.</Turn>
    <Turn speaker="s2" startTime="1.8" endTime="3.2"><Sync time="1.8"/>The train stood.</Turn>
  </Section></Episode>
</Trans>
""",
)
