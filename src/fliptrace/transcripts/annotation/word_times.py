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
    runs: list[list[TimedWord]] = []
    ended = 0.0
    for word in sorted(words, key=lambda word: word.start):
        if runs and runs[-1][-1].speaker == word.speaker and word.start - ended < PAUSE_SECONDS:
            runs[-1].append(word)
        else:
            runs.append([word])
        ended = word.start + word.duration
    said = [
        RawUtterance(run[0].place, " ".join(word.text for word in run), run[0].speaker, run[0].start, _end(run[-1]))
        for run in runs
    ]
    source.notes.append(f"words joined to utterances at changes of the speaker and pauses of {PAUSE_SECONDS} s")
    return said


def _end(word: TimedWord) -> float:
    return word.start + word.duration
