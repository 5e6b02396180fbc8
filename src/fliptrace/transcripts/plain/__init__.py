"""Plain text: names and words on lines, or names and times above the words."""

from fliptrace.transcripts.plain import screenplay, text
from fliptrace.transcripts.source import Reader

READERS: tuple[Reader, ...] = (screenplay.READER, text.HEADERS, text.READER)
