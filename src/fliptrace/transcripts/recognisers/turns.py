"""Split segments whose words belong to several speakers, for recognisers that name the speaker of each word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from fliptrace.transcripts.recognisers.shapes import number_of
from fliptrace.transcripts.recognisers.words import Word, join_words
from fliptrace.transcripts.source import RawUtterance

# "[SPEAKER_00]: Hi", "(speaker 1) Hi" and "Speaker 2: Hi", as some tools write before the text of a segment.
_LABEL = re.compile(r"\s{0,5}(?:[\[(](speaker[ _]?(?:\d{1,3}|\?))[\])]:?|(speaker[ _]?\d{1,3}):)\s{0,5}", re.IGNORECASE)


def take_label(utterance: RawUtterance) -> RawUtterance:
    """Move the label of a speaker from the beginning of the text to `speaker`, unless the utterance has a speaker.

    >>> labelled = take_label(RawUtterance("segment 1", " [SPEAKER_00]: You are late."))
    >>> labelled.speaker, labelled.text
    ('SPEAKER_00', 'You are late.')
    """
    found = _LABEL.match(utterance.text) if utterance.speaker is None else None
    if found is None:
        return utterance
    label = found[1] or found[2]
    return replace(utterance, text=utterance.text[found.end() :], speaker=None if label.endswith("?") else label)


def split_by_words(utterance: RawUtterance, words: Sequence[Word]) -> list[RawUtterance]:
    """Split an utterance where the speaker of its words changes; [utterance] if they have one speaker or none.

    The text of each part is cut out of the text of the utterance, which has the right blanks and marks. A word without
    a speaker belongs to the part before it, or to the first part.
    """
    if len({word.speaker for word in words} - {None}) < 2:
        return [utterance]
    runs = [list(run) for _, run in groupby(_completed(words), key=lambda word: word.speaker)]
    texts = list(_cut(utterance.text, runs))
    parts = []
    for number, (run, text) in enumerate(zip(runs, texts, strict=True)):
        start = utterance.start if number == 0 else _first_time(run, "start")
        end = utterance.end if number == len(runs) - 1 else _first_time(run[::-1], "end")
        parts.append(replace(utterance, text=text, speaker=run[0].speaker, start=start, end=end))
    return parts


def _completed(words: Sequence[Word]) -> Iterator[Word]:
    speaker = next(word.speaker for word in words if word.speaker is not None)
    for word in words:
        speaker = word.speaker or speaker
        yield word._replace(speaker=speaker)


def _cut(text: str, runs: Sequence[Sequence[Word]]) -> Iterator[str]:
    """Cut a text before the first word of each run; if the words are not in the text, join them instead."""
    lower = text.lower()
    if len(lower) != len(text):  # a few letters are longer in lower case
        lower = text
    cuts, position = [0], 0
    for number, run in enumerate(runs):
        for index, word in enumerate(run):
            found = text.find(word.text.strip(), position)
            if found < 0:  # the words may lack the capitals of the text
                found = lower.find(word.text.strip().lower(), position)
            if found < 0:
                yield from (join_words(each) for each in runs)
                return
            if number and index == 0:
                cuts.append(found)
            position = found + len(word.text.strip())
    for begin, end in zip(cuts, [*cuts[1:], len(text)], strict=True):
        yield text[begin:end]


def _first_time(words: Sequence[Word], which: str) -> object:
    times = (getattr(word, which) for word in words)
    return next((time for time in times if number_of(time) is not None), None)
