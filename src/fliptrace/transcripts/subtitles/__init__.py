"""Subtitles and captions."""

from fliptrace.transcripts.source import Reader
from fliptrace.transcripts.subtitles import srt, vtt

READERS: tuple[Reader, ...] = (vtt.READER, srt.READER)
