"""Plain text: names and words on lines, or names and times above the words."""

from fliptrace.transcripts.plain import text
from fliptrace.transcripts.source import Reader

READERS: tuple[Reader, ...] = (text.READER,)
