"""Words for the text of an analysis: names, emotions, numbers and times, on one line and without control characters.

The input comes from transcripts and is not trusted: no line break and no escape sequence passes.
"""

from __future__ import annotations

from collections.abc import Mapping

_JOINERS = "\u200c\u200d"  # invisible, but they shape Devanagari and emoji
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
# Labels need different phrases: "joy" is a noun, "neutral" is not. Labels of other sets are quoted as labels.
_SAID: Mapping[str, str] = {
    "anger": "in anger",
    "contempt": "with contempt",
    "disgust": "in disgust",
    "fear": "in fear",
    "joy": "with joy",
    "neutral": "in neutral words",
    "sadness": "in sadness",
    "surprise": "in surprise",
}


def printable(text: str) -> str:
    """Put a text on one line, without the control characters that a terminal would obey.

    >>> printable("Ana\\n\\x1b[1mB ")
    'Ana [1mB'
    """
    return " ".join("".join(c if c.isprintable() or c in _JOINERS else " " for c in text).split())


def printable_name(speaker: str) -> str:
    """Make a speaker's name printable; "?" if none of its characters can be shown."""
    return printable(speaker) or "?"


def said_in(label: str) -> str:
    """Say that something was spoken with an emotion.

    >>> said_in("joy"), said_in("powerful")
    ('with joy', 'marked as powerful')
    """
    return _SAID.get(label, f"marked as {label}")


def emotion_noun(label: str) -> str:
    """Name an emotion so that it can be somebody's.

    >>> emotion_noun("anger"), emotion_noun("neutral"), emotion_noun("powerful")
    ('anger', 'neutrality', '“powerful”')
    """
    if label == "neutral":
        return "neutrality"
    return label if label in _SAID else f"“{label}”"


def spell(number: int) -> str:
    """Spell out a number up to ten.

    >>> spell(2), spell(12)
    ('two', '12')
    """
    return _NUMBERS[number] if number < len(_NUMBERS) else str(number)


def clock(seconds: float) -> str:
    """Format a time in a recording.

    >>> clock(65.5), clock(3725)
    ('1:05', '1:02:05')
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
