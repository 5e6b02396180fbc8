"""Documents of office programs and web pages: their text is read by the format that fits it."""

from fliptrace.transcripts.documents import html, office, rtf, sheet
from fliptrace.transcripts.source import Reader

READERS: tuple[Reader, ...] = (office.DOCX, office.ODT, rtf.RTF, sheet.XLSX, html.HTML, sheet.PARQUET)
