"""Large transcript files for bench/transcripts.py: one short writer for each format that holds words.

A writer takes the utterances of `make_dialogue` and returns the file as text or bytes. Files have the fields that the
products themselves write, so far as they matter for reading, and JSON is written without blanks. The sentences of the
sample corpus contain no markup, quotes, tabs or brackets, so writers escape nothing.
"""

from transcript_files import annotation, chats, documents, recognisers, subtitles, text
from transcript_files.dialogue import WRITERS, can_write, make_dialogue

__all__ = [
    "WRITERS",
    "annotation",
    "can_write",
    "chats",
    "documents",
    "make_dialogue",
    "recognisers",
    "subtitles",
    "text",
]
