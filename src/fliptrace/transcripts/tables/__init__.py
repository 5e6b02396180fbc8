"""Tables and lists with named columns."""

from fliptrace.transcripts.source import Reader
from fliptrace.transcripts.tables import delimited, records

READERS: tuple[Reader, ...] = (records.JSON, records.JSONL, delimited.CSV, delimited.TSV)
