"""Annotated corpora and annotation tools."""

from fliptrace.transcripts.annotation import (
    chat_file,
    ctm,
    efr,
    elan,
    exmaralda,
    rttm,
    stm,
    tei,
    textgrid,
    transcriber,
)
from fliptrace.transcripts.source import Reader

READERS: tuple[Reader, ...] = (
    *(efr.READER, chat_file.READER, elan.READER, textgrid.READER, transcriber.READER, exmaralda.READER),
    *(tei.READER, rttm.READER, stm.READER, ctm.READER),
)
