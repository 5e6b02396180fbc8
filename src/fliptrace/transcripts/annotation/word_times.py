"""Words with their own times, as recognisers and aligners write them, joined to utterances."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from fliptrace.transcripts.source import RawUtterance, Source

PAUSE_SECONDS = 1.0  # between words that end an utterance


class TimedWord(NamedTuple):
    """One word: its start and duration in seconds, its text and speaker, and its place in the file."""

    start: float
    duration: float
    text: str
    speaker: str | None
    place: str


def join_words(words: Iterable[TimedWord], source: Source) -> list[RawUtterance]:
    """Utterances that end where the speaker changes and at pauses, in the order of time; a note says so."""
    said: list[RawUtterance] = []
    ended = 0.0
    for start, duration, text, speaker, place in sorted(words, key=lambda word: word.start):
        last = said[-1] if said else None
        if last is not None and last.speaker == speaker and start - ended < PAUSE_SECONDS:
            said[-1] = RawUtterance(last.place, f"{last.text} {text}", speaker, last.start, start + duration)
        else:
            said.append(RawUtterance(place, text, speaker, start, start + duration))
        ended = start + duration
    source.notes.append(f"words joined to utterances at changes of the speaker and pauses of {PAUSE_SECONDS} s")
    return said
