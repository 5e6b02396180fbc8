"""Subtitles and captions."""

from fliptrace.transcripts.source import Reader
from fliptrace.transcripts.subtitles import ass, lrc, microdvd, sami, sbv, srt, stl, ttml, vtt, youtube

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
    youtube.TIMEDTEXT,
    youtube.JSON3,
)
