"""Reader for SubRip subtitles, based on pysubs2: `Name: text`, `NAME: text`, or a dash for each speaker."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fliptrace.transcripts.source import MAX_UTTERANCES, NO_EVIDENCE, Evidence, RawUtterance, Reader, Source
from fliptrace.transcripts.speech import split_lines

# Markup of SubRip (<i>) and SubStation ({\an8}). The patterns of pysubs2 take quadratic time on hostile files.
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,100}>|\{\\[^{}]{0,100}\}")
_TIMES = r"\d{1,2}:\d{1,2}:\d{1,2}[.,]\d{1,3}"
_OPENING = re.compile(rf"\s{{0,100}}(?:\d{{1,9}}[ \t]{{0,9}}\n)?[ \t]{{0,9}}{_TIMES}\s{{1,9}}-->\s{{1,9}}{_TIMES}")


def read_srt(source: Source) -> Iterator[RawUtterance]:
    """Yield an utterance for each name or dash in each subtitle."""
    from pysubs2 import SSAFile

    source.refuse_part("SubRip")
    if source.text.count("-->") > MAX_UTTERANCES:
        raise source.error("", f"over {MAX_UTTERANCES:,} subtitles; expected one dialogue per file")
    text = re.sub(r"\n{3,}", "\n\n", source.text)  # pysubs2 takes quadratic time on long runs
    subtitles = SSAFile.from_string(text, format_="srt", keep_html_tags=True)
    if not subtitles:
        raise source.error("", "no subtitles found; expected times such as 00:00:01,000 --> 00:00:03,000 above each")
    for number, subtitle in enumerate(subtitles, start=1):
        start, end = subtitle.start / 1000, subtitle.end / 1000
        for spoken in split_lines(_TAG.sub("", subtitle.text.replace(r"\h", " ")).split(r"\N")):
            yield RawUtterance(f"subtitle {number}", spoken.text, spoken.speaker, start, end, cues=spoken.cues)


def _sniff(source: Source) -> Evidence:
    return NO_EVIDENCE if _OPENING.match(source.text) is None else Evidence(0.95, "numbered times with -->")


READER = Reader(
    "srt",
    (".srt",),
    _sniff,
    read_srt,
    title="SubRip subtitles",
    example="1\n00:00:01,000 --> 00:00:03,000\nANA: You are late.",
    has_cues=True,
)
