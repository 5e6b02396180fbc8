"""Documents of office programs and web pages."""

from fliptrace.transcripts.source import Reader

READERS: tuple[Reader, ...] = ()
