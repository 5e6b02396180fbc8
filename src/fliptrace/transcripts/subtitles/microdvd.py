"""Readers for subtitles of one line each: MicroDVD (frames in braces), MPL2 (tenths of a second in brackets)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source
from fliptrace.transcripts.subtitles.cues import utterances_of
from fliptrace.transcripts.subtitles.lines import Cue
from fliptrace.transcripts.subtitles.markup import plain_lines

_MICRODVD = re.compile(r"\s{0,9}\{(\d{1,9})\}\{(\d{0,9})\}(.*)", re.DOTALL)
_MPL2 = re.compile(r"\s{0,9}\[(\d{1,9})\]\[(\d{0,9})\](.*)", re.DOTALL)
_RATE = re.compile(r"(?:fps\s?=?\s?)?(\d{1,3}(?:[.,]\d{1,6})?)\s{0,9}", re.IGNORECASE)
_CONTROL = re.compile(r"\{[a-zA-Z]:[^{}]{0,80}\}")
_TENTHS = 10.0


def read_microdvd(source: Source) -> Iterator[RawUtterance]:
    """Yield an utterance for each name or dash in each line. Times need the frame rate, which is in the first line."""
    source.refuse_part("MicroDVD")
    first = next(filter(None, map(_MICRODVD.fullmatch, source.lines)), None)
    rate = _RATE.fullmatch(first[3].strip()) if first is not None and first[1] in ("0", "1") else None
    frames = float(rate[1].replace(",", ".")) if rate is not None else 0.0
    if not frames:
        source.notes.append("times are in frames, but the file does not give the frame rate: times are left out")
    cues = _read(source, _MICRODVD, frames, "{24}{72}")
    if rate is not None and cues:
        cues = cues[1:]
    yield from utterances_of(cues, source, noun="subtitle")


def read_mpl2(source: Source) -> Iterator[RawUtterance]:
    """Yield an utterance for each name or dash in each line."""
    source.refuse_part("MPL2")
    yield from utterances_of(_read(source, _MPL2, _TENTHS, "[10][30]"), source, noun="subtitle")


def _read(source: Source, pattern: re.Pattern[str], per_second: float, example: str) -> list[Cue]:
    found_at: list[tuple[int, re.Match[str], list[str]]] = []
    for number, line in enumerate(source.lines, start=1):
        found = pattern.fullmatch(line)
        if found is not None:
            found_at.append((number, found, [found[3]]))
        elif line.strip() and found_at:
            found_at[-1][2].append(line)
        elif line.strip():
            source.leave_out(f"line {number}", line, "lines above the first subtitle")
    cues = []
    for number, found, texts in found_at:
        place = f"line {number}"
        start = int(found[1]) / per_second if per_second else None
        end = int(found[2]) / per_second if per_second and found[2] else None
        shown = _CONTROL.sub("", "|".join(texts)).split("|")
        text = "\n".join(part.lstrip().removeprefix("/") for part in shown)
        cues.append(Cue(place, start, end, plain_lines(text, place, source, is_vtt=False)))
    if not cues:
        raise source.error("", f"no subtitles found; expected lines that begin with {example}")
    return cues


def _share(source: Source, pattern: re.Pattern[str]) -> float:
    lines = [line for line in source.text[:20_000].split("\n")[:50] if line.strip()]
    return sum(pattern.match(line) is not None for line in lines) / len(lines) if lines else 0.0


def _sniff_microdvd(source: Source) -> Evidence:
    return Evidence(0.95, "frames in braces") if _share(source, _MICRODVD) >= 0.6 else NO_EVIDENCE


def _sniff_mpl2(source: Source) -> Evidence:
    return Evidence(0.95, "tenths of a second in brackets") if _share(source, _MPL2) >= 0.6 else NO_EVIDENCE


MICRODVD = Reader(
    "microdvd",
    (".sub",),
    _sniff_microdvd,
    read_microdvd,
    title="MicroDVD",
    example="{1}{1}25\n{25}{75}Ana: You are late.|Again.",
    has_cues=True,
)
MPL2 = Reader(
    "mpl2",
    (".mpl", ".mpl2"),
    _sniff_mpl2,
    read_mpl2,
    title="MPL2",
    example="[10][30]Ana: You are late.|Again.",
    has_cues=True,
)
