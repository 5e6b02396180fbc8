"""Subtitles and captions."""

from fliptrace.transcripts.source import Reader
from fliptrace.transcripts.subtitles import ass, json3, lrc, microdvd, sami, sbv, srt, stl, timedtext, ttml, vtt

READERS: tuple[Reader, ...] = (
    vtt.READER,
    srt.READER,
    ass.READER,
    ttml.READER,
    sbv.READER,
    sami.READER,
    microdvd.MICRODVD,
    microdvd.MPL2,
    lrc.READER,
    stl.READER,
    timedtext.READER,
    json3.READER,
)
