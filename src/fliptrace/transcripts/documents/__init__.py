"""Documents of office programs and web pages: their text is read by the format that fits it."""

from fliptrace.transcripts.documents import html, office, parquet, rtf, xlsx
from fliptrace.transcripts.source import Reader

READERS: tuple[Reader, ...] = (office.DOCX, office.ODT, rtf.READER, xlsx.READER, html.READER, parquet.READER)
