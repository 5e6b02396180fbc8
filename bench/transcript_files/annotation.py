"""Writers of the files of annotation tools."""

from __future__ import annotations

from transcript_files.dialogue import (
    PEOPLE,
    Dialogue,
    as_json,
    end_ms,
    start_ms,
    words_of,
    writes,
)


@writes("efr")
def _efr(said: Dialogue) -> str:
    columns = {"speakers": [each.speaker for each in said], "emotions": ["neutral"] * len(said)}
    return as_json(
        [{"episode": "x", **columns, "utterances": [each.text for each in said], "triggers": [0.0] * len(said)}]
    )


@writes("chat")
def _chat(said: Dialogue) -> str:
    codes = [name[:3].upper() for name in PEOPLE]
    rows = "".join(f"*{codes[e.number]}:\t{e.text} \x15{start_ms(e)}_{end_ms(e)}\x15\n" for e in said)
    return f"@UTF8\n@Begin\n@Languages:\teng\n@Participants:\t{', '.join(f'{c} Adult' for c in codes)}\n{rows}@End\n"


@writes("stm")
def _stm(said: Dialogue) -> str:
    return "".join(f"call 1 {e.speaker} {e.start:.2f} {e.end:.2f} <o,f0,unknown> {e.text}\n" for e in said)


@writes("ctm")
def _ctm(said: Dialogue) -> str:
    return "".join(
        f"call 1 {word.start:.2f} {word.end - word.start:.2f} {word.text} 0.98 lex {PEOPLE[word.number]}\n"
        for word in words_of(said)
    )


@writes("elan")
def _elan(said: Dialogue) -> str:
    slots = "".join(
        f'<TIME_SLOT TIME_SLOT_ID="ts{2 * e.index + i}" TIME_VALUE="{time}"/>'
        for e in said
        for i, time in enumerate((start_ms(e), end_ms(e)))
    )
    tiers = [f'<TIER TIER_ID="{name}" PARTICIPANT="{name}" LINGUISTIC_TYPE_REF="x">' for name in PEOPLE]
    for each in said:
        tiers[each.number] += (
            f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{each.index}" TIME_SLOT_REF1="ts{2 * each.index}" '
            f'TIME_SLOT_REF2="ts{2 * each.index + 1}"><ANNOTATION_VALUE>{each.text}</ANNOTATION_VALUE>'
            "</ALIGNABLE_ANNOTATION></ANNOTATION>\n"
        )
    body = "".join(f"{tier}</TIER>\n" for tier in tiers)
    header = '<HEADER TIME_UNITS="milliseconds"/>'
    return f"<ANNOTATION_DOCUMENT>{header}<TIME_ORDER>{slots}</TIME_ORDER>\n{body}</ANNOTATION_DOCUMENT>"


@writes("textgrid")
def _textgrid(said: Dialogue) -> str:
    end = said[-1].end
    head = f'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = {end}\ntiers? <exists>\n'
    tiers = []
    for number, name in enumerate(PEOPLE):
        intervals, last = list[tuple[float, float, str]](), 0.0
        for each in said:
            if each.number == number:
                intervals += [(last, each.start, ""), (each.start, each.end, each.text)]
                last = each.end
        tiers.append(
            f'    item [{number + 1}]:\n        class = "IntervalTier"\n        name = "{name}"\n        xmin = 0\n'
            f"        xmax = {end}\n        intervals: size = {len(intervals)}\n"
            + "".join(
                f"        intervals [{i}]:\n            xmin = {start}\n            xmax = {stop}\n"
                f'            text = "{text}"\n'
                for i, (start, stop, text) in enumerate(intervals, start=1)
            )
        )
    return f"{head}size = {len(tiers)}\nitem []:\n{''.join(tiers)}"


@writes("transcriber")
def _transcriber(said: Dialogue) -> str:
    speakers = "".join(f'<Speaker id="spk{i}" name="{name}"/>' for i, name in enumerate(PEOPLE))
    turns = "".join(
        f'<Turn speaker="spk{e.number}" startTime="{e.start}" endTime="{e.end}">\n<Sync time="{e.start}"/>\n{e.text}\n'
        "</Turn>\n"
        for e in said
    )
    section = f'<Section type="report" startTime="0" endTime="{said[-1].end}">\n{turns}</Section>'
    return f'<?xml version="1.0"?>\n<Trans><Speakers>{speakers}</Speakers><Episode>{section}</Episode></Trans>'


@writes("exmaralda")
def _exmaralda(said: Dialogue) -> str:
    people = "".join(
        f'<speaker id="SPK{i}"><abbreviation>{name}</abbreviation></speaker>' for i, name in enumerate(PEOPLE)
    )
    moments = "".join(
        f'<tli id="T{2 * each.index + i}" time="{time}"/>\n'
        for each in said
        for i, time in enumerate((each.start, each.end))
    )
    tiers = [f'<tier id="TIE{i}" speaker="SPK{i}" category="v" type="t">' for i in range(len(PEOPLE))]
    for each in said:
        tiers[each.number] += f'<event start="T{2 * each.index}" end="T{2 * each.index + 1}">{each.text}</event>\n'
    body = f"<common-timeline>{moments}</common-timeline>{''.join(f'{tier}</tier>' for tier in tiers)}"
    head = f"<head><speakertable>{people}</speakertable></head>"
    return f"<basic-transcription>{head}<basic-body>{body}</basic-body></basic-transcription>"


@writes("tei")
def _tei(said: Dialogue) -> str:
    people = "".join(f'<person xml:id="p{i}"><persName>{name}</persName></person>' for i, name in enumerate(PEOPLE))
    moments = '<when xml:id="T"/>' + "".join(
        f'<when xml:id="T{2 * each.index + i}" interval="{time}" since="#T"/>\n'
        for each in said
        for i, time in enumerate((each.start, each.end))
    )
    turns = "".join(
        f'<u who="#p{e.number}" start="#T{2 * e.index}" end="#T{2 * e.index + 1}">{e.text}</u>\n' for e in said
    )
    header = f"<teiHeader><profileDesc><particDesc>{people}</particDesc></profileDesc></teiHeader>"
    text = f'<text><timeline unit="s">{moments}</timeline><body>{turns}</body></text>'
    return f'<TEI xmlns="http://www.tei-c.org/ns/1.0">{header}{text}</TEI>'
