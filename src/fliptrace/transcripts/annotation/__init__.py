"""Annotated corpora and annotation tools."""

from fliptrace.transcripts.annotation import efr
from fliptrace.transcripts.source import Reader

READERS: tuple[Reader, ...] = (efr.READER,)
