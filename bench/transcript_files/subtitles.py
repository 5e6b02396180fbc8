"""Writers of subtitles and captions."""

from __future__ import annotations

from transcript_files.dialogue import PEOPLE, Dialogue, Spoken, as_json, clock, end_ms, objects, start_ms, writes


@writes("vtt")
def _vtt(said: Dialogue) -> str:
    cues = (f"{clock(each.start)} --> {clock(each.end)}\n<v {each.speaker}>{each.text}</v>\n" for each in said)
    return "WEBVTT\n\n" + "\n".join(cues)


@writes("srt")
def _srt(said: Dialogue) -> str:
    return "\n".join(
        f"{each.index + 1}\n{clock(each.start, ',')} --> {clock(each.end, ',')}\n{each.speaker}: {each.text}\n"
        for each in said
    )


@writes("ass")
def _ass(said: Dialogue) -> str:
    head = (
        "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize\n"
        "Style: Default,Arial,20\n\n[Events]\n"
        "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    )
    return head + "".join(
        f"Dialogue: 0,{clock(each.start, digits=2)[1:]},{clock(each.end, digits=2)[1:]},Default,"
        f"{each.speaker},0,0,0,,{each.text}\n"
        for each in said
    )


@writes("ttml")
def _ttml(said: Dialogue) -> str:
    agents = "".join(
        f'<ttm:agent xml:id="s{i}" type="person"><ttm:name type="full">{name}</ttm:name></ttm:agent>'
        for i, name in enumerate(PEOPLE)
    )
    cues = "\n".join(
        f'<p begin="{clock(each.start)}" end="{clock(each.end)}" ttm:agent="s{each.number}">{each.text}</p>'
        for each in said
    )
    return (
        '<tt xmlns="http://www.w3.org/ns/ttml" xmlns:ttm="http://www.w3.org/ns/ttml#metadata">'
        f"<head><metadata>{agents}</metadata></head><body><div>\n{cues}\n</div></body></tt>"
    )


@writes("sbv")
def _sbv(said: Dialogue) -> str:
    return "\n".join(f"{clock(each.start)},{clock(each.end)}\n{each.speaker}: {each.text}\n" for each in said)


@writes("sami")
def _sami(said: Dialogue) -> str:
    cues = "".join(
        f"<SYNC Start={start_ms(each)}><P Class=ENCC>{each.speaker}: {each.text}\n"
        f"<SYNC Start={end_ms(each)}><P Class=ENCC>&nbsp;\n"
        for each in said
    )
    return f"<SAMI><BODY>\n{cues}</BODY></SAMI>\n"


@writes("microdvd")
def _microdvd(said: Dialogue) -> str:
    frames = ((round(each.start * 25), round(each.end * 25), each) for each in said)
    return "{1}{1}25\n" + "".join(f"{{{start}}}{{{end}}}{each.speaker}: {each.text}\n" for start, end, each in frames)


@writes("mpl2")
def _mpl2(said: Dialogue) -> str:
    return "".join(f"[{round(each.start * 10)}][{round(each.end * 10)}]{each.speaker}: {each.text}\n" for each in said)


@writes("lrc")
def _lrc(said: Dialogue) -> str:
    return "[by:whisper]\n" + "".join(
        f"[{int(each.start // 60):02}:{each.start % 60:05.2f}]{each.speaker}: {each.text}\n" for each in said
    )


@writes("stl")
def _stl(said: Dialogue) -> str:
    def frames(seconds: float) -> str:
        return f"{clock(seconds, '')}:{int(seconds % 1 * 25):02}"

    return "".join(f"{frames(each.start)} , {frames(each.end)} , {each.speaker}: {each.text}\n" for each in said)


@writes("timedtext")
def _timedtext(said: Dialogue) -> str:
    cues = (f'<text start="{e.start}" dur="{e.end - e.start:.2f}">{e.speaker}: {e.text}</text>' for e in said)
    return f'<?xml version="1.0" encoding="utf-8" ?><transcript>{"".join(cues)}</transcript>'


@writes("json3")
def _json3(said: Dialogue) -> str:
    def segments(each: Spoken) -> list[dict[str, object]]:
        offsets = (start_ms(word) - start_ms(each) for word in each.words)
        words = zip(each.words, offsets, strict=True)
        found = [{"utf8": f" {word.text}", "tOffsetMs": offset, "acAsrConf": 0} for word, offset in words]
        return [{"utf8": f"{each.speaker}:"}, *found]

    events = objects(said, tStartMs=start_ms, dDurationMs=lambda e: end_ms(e) - start_ms(e), segs=segments)
    return as_json({"wireMagic": "pb3", "events": events})
