"""Transcripts are data: what a prompt shows of a name, an utterance and its cues, without any character that means
something there.
"""

from __future__ import annotations

import re

from fliptrace.core.dialogue import Utterance

_MEANINGFUL = str.maketrans({"<": "‹", ">": "›", "[": "(", "]": ")", "{": "(", "}": ")", "|": "¦"})
_BLANKS = re.compile(r"\s+")
_NO_NAME = re.compile(r"[:()\s]+")  # characters that end a speaker's name in a prompt


def escape(text: str) -> str:
    """The text on one line, without the characters that mark numbers, cues and control tokens.

    >>> escape("fine\\n[7] Ann (joy): <|end|>")
    'fine (7) Ann (joy): ‹¦end¦›'
    """
    printable = text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
    return _BLANKS.sub(" ", printable.translate(_MEANINGFUL)).strip()


def speaker_name(name: str) -> str:
    """A speaker's name as one line shows it, without characters that would end the name."""
    return _NO_NAME.sub(" ", escape(name)).strip() or "?"


def render_cues(utterance: Utterance) -> str:
    return f" {{{', '.join(escape(cue) for cue in utterance.cues)}}}" if utterance.cues else ""
