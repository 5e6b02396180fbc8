"""Chats exported from messengers."""

from fliptrace.transcripts.source import Reader

READERS: tuple[Reader, ...] = ()
