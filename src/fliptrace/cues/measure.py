"""Measures how each utterance of a dialogue is said, from a recording and the times of the transcript.

The recording is read utterance by utterance, long ones in blocks, so that memory does not grow with its length.
Stretches in which others speak too are left out.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.errors import InputError
from fliptrace.cues.recording import Recording, open_recording
from fliptrace.cues.times import Stretch, Timed, timed_utterances
from fliptrace.cues.values import LOUDNESS, PITCH, SPEAKING_RATE
from fliptrace.cues.voice import HOP_SECONDS, Frames, frames_of, joined, voice_values

_BLOCK_SECONDS = 20.0
_MIN_SECONDS = 0.3  # of sound; less has no reliable values
_MIN_CHARACTERS = 5  # of an utterance whose rate is measured
_VOICE_DB = 20.0  # consonants are quieter than vowels by up to this; what is quieter still is no longer the voice
_FAR_LONGER_SECONDS = 60.0  # a recording that goes on for so long after the last utterance gets a note

OnMeasured = Callable[[int, int], None]

# What stands in the way of a value, and how a note says it.
_NO_START, _BEYOND, _SHORT, _OVERLAP, _DAMAGED, _NO_VOICE, _LEVEL = (
    "no start in the transcript",
    "their times lie beyond the end of the recording",
    f"shorter than {_MIN_SECONDS} s",
    "others speak at the same time",
    "the recording is damaged or cut off there",
    "no voice is heard at their times",
    "too noisy or clipped to know how loud they are",
)


class MeasuredSound(NamedTuple):
    """The values of every utterance, and notes on what could not be measured."""

    values: tuple[Mapping[str, float], ...]
    notes: tuple[str, ...]


class _Block(NamedTuple):
    start: float
    seconds: float
    clipped: float
    frames: Frames


class _Utterance(NamedTuple):
    values: Mapping[str, float]
    trouble: str | None


def measure_sound(dialogue: Dialogue, audio: Path, on_measured: OnMeasured | None = None) -> MeasuredSound:
    """Measure every utterance of a dialogue in its recording.

    InputError if the transcript has no times, the file no sound, or if the recording ends before the first utterance.
    `on_measured` is called with the number of utterances measured so far, and that of all.
    """
    with open_recording(audio) as recording:
        timed = timed_utterances(dialogue, recording.seconds)
        first = min(each.start for each in timed if each is not None)
        if first >= recording.seconds:
            raise InputError(
                audio,
                f"lasts {recording.seconds:.1f} s, but the first utterance starts at {first:.1f} s; expected the "
                "recording of this transcript, and times that count from its beginning",
            )
        found = []
        for when, said in zip(timed, dialogue.utterances, strict=True):
            found.append(_measure(recording, when, said.text))
            if on_measured is not None:
                on_measured(len(found), len(timed))
        last = max((each.end for each in dialogue.utterances if each.end is not None), default=recording.seconds)
    notes = _notes([each.trouble for each in found], audio.name, recording.seconds - last)
    return MeasuredSound(tuple(each.values for each in found), tuple(notes))


def _measure(recording: Recording, when: Timed | None, text: str) -> _Utterance:
    """The values of one utterance, and what stood in the way of the others."""
    if when is None:
        return _Utterance({}, _NO_START)
    if when.end > recording.seconds + _MIN_SECONDS:
        return _Utterance(when.values, _BEYOND)
    expected = sum(end - start for start, end in when.alone)
    if expected < _MIN_SECONDS:
        return _Utterance(when.values, _SHORT if when.end - when.start < _MIN_SECONDS else _OVERLAP)
    blocks = [block for stretch in when.alone for block in _blocks(recording, stretch)]
    if expected - sum(block.seconds for block in blocks) > _MIN_SECONDS:
        return _Utterance(when.values, _DAMAGED)
    clipped = sum(block.clipped * block.seconds for block in blocks) / sum(block.seconds for block in blocks)
    values = {**when.values, **voice_values(joined(block.frames for block in blocks), clipped)}
    if PITCH not in values:
        return _Utterance(values, _NO_VOICE)
    if LOUDNESS not in values:
        return _Utterance(values, _LEVEL)
    if (rate := _speaking_rate(text, when, blocks, values[LOUDNESS] - _VOICE_DB)) is not None:
        values[SPEAKING_RATE] = rate
    return _Utterance(values, None)


def _blocks(recording: Recording, stretch: Stretch) -> Iterator[_Block]:
    start, end = stretch
    while start < end:
        until = end if end - start < 1.5 * _BLOCK_SECONDS else start + _BLOCK_SECONDS
        sound = recording.read(start, until)
        yield _Block(start, sound.seconds, sound.clipped, frames_of(sound.samples))
        start = until


def _speaking_rate(text: str, when: Timed, blocks: Sequence[_Block], least: float) -> float | None:
    """Characters per second, from the first sound of at least `least` dB to the last; None for too short a text.

    Where others speak at the beginning or the end of the utterance, its time by the transcript counts.
    """
    num_characters = sum(unicodedata.category(character)[0] in "LNM" for character in text)
    if num_characters < _MIN_CHARACTERS:
        return None
    heard = np.concatenate(
        [block.start + HOP_SECONDS * np.flatnonzero(block.frames.level >= least) for block in blocks]
    )
    begin = heard[0] if when.alone[0][0] == when.start else when.start
    end = heard[-1] + HOP_SECONDS if when.alone[-1][1] == when.end else when.end
    return round(num_characters / max(float(end - begin), _MIN_SECONDS), 1)


def _notes(troubles: Sequence[str | None], name: str, rest: float) -> Iterator[str]:
    """What could not be measured, counted. `rest` is how long the recording goes on after the last utterance."""
    counts = Counter(trouble for trouble in troubles if trouble is not None)
    for trouble, number in counts.most_common():
        yield f"{name}: {number:,} of {len(troubles):,} utterances are not or only partly measured: {trouble}"
    if rest > _FAR_LONGER_SECONDS:
        yield f"{name}: goes on for {rest:,.0f} s after the last utterance; is it the recording of this transcript?"
