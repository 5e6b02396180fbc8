"""The output of speech recognisers and transcription services."""

from fliptrace.transcripts.recognisers import whisperx
from fliptrace.transcripts.source import Reader

READERS: tuple[Reader, ...] = (whisperx.READER,)
