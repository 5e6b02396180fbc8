"""Cues beside the words: what was measured or noted of each utterance, as numbers and in words.

They describe how something was said, never what was felt. They are kept apart from `Utterance.cues`, which the
transcript itself notes and which models read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

LOUDNESS = "loudness_db"  # of the voiced parts, 0 dB is a full-scale square wave
LOUDNESS_VARIATION = "loudness_variation_db"  # standard deviation over the voiced parts
PITCH = "pitch_hz"  # median
PITCH_RANGE = "pitch_range_semitones"  # between the 10th and the 90th percentile
SPEAKING_RATE = (
    "characters_per_second"  # letters, digits and vowel signs, from the first sound of the voice to the last
)
PAUSE = "pause_before_seconds"  # since the last end of any utterance
OVERLAP = "overlap_seconds"  # in which others speak too
VOICE_SHARE = "voice_share"  # of the time, 0 to 1

SOUND_VALUES = (LOUDNESS, LOUDNESS_VARIATION, PITCH, PITCH_RANGE, SPEAKING_RATE, PAUSE, OVERLAP, VOICE_SHARE)
WORDS = "words"  # the column of a table that has cues in words, and so the name of no value
FACE = "face_"  # the beginning of the names of shares of time in which a movement is seen


@dataclass(frozen=True, slots=True)
class UtteranceCues:
    """The cues of one utterance. A value that could not be measured reliably is not in `values`."""

    values: Mapping[str, float] = field(default_factory=dict)
    words: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if wrong := [name for name, value in self.values.items() if not math.isfinite(value)]:
            raise ValueError(f"{wrong[0]} is {self.values[wrong[0]]}; expected a finite number, or no value")


@dataclass(frozen=True, slots=True)
class Cues:
    """The cues of every utterance of a dialogue. `notes` say what could not be measured, and why."""

    utterances: tuple[UtteranceCues, ...]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.utterances)

    def names(self) -> tuple[str, ...]:
        """The names of all values that occur; those of the sound first."""
        found = dict.fromkeys(name for each in self.utterances for name in each.values)
        return (*(name for name in SOUND_VALUES if name in found), *sorted(found.keys() - set(SOUND_VALUES)))
