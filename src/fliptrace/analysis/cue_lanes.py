"""The geometry of the page's lanes of loudness and pitch, in pixels: one per speaker, below the lanes of emotions.

Both are drawn from the speaker's lowest to highest, so that lanes do not compare one voice with another.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from fliptrace.analysis.matrices import first_seen
from fliptrace.analysis.values import AnalysisValues
from fliptrace.cues.values import LOUDNESS, PITCH, SPEAKING_RATE, UtteranceCues

HEIGHT = 58  # of a lane
_BAR = (4.0, 24.0)  # the height of the bars of loudness, which stand on the lane's lower edge
_DOT = (30.0, 52.0)  # the height of the dots of pitch above that edge
_LEAST_DB, _LEAST_SEMITONES = 6.0, 4.0  # the smallest range that fills a lane: an even voice must not look lively

_SHOWN = {LOUDNESS: "{:.1f} dB", PITCH: "{:.0f} Hz", SPEAKING_RATE: "{:.1f} characters/s"}


@dataclass(frozen=True, slots=True)
class CueMark:
    """What is drawn for one utterance at `x`: a bar of height `bar`, a dot at `dot`; None where there is no value."""

    utterance_index: int
    x: float
    bar: float | None
    dot: float | None
    title: str


@dataclass(frozen=True, slots=True)
class CueLane:
    speaker: str
    top: float
    marks: tuple[CueMark, ...]

    @property
    def bottom(self) -> float:
        return self.top + HEIGHT


def lay_out_cues(analysis: AnalysisValues, xs: Sequence[float], top: float) -> tuple[CueLane, ...]:
    """One lane for each speaker whose loudness or pitch is known, from `top` downwards. `xs` are the columns."""
    speakers = analysis.dialogue.speakers
    lanes: list[CueLane] = []
    for speaker in first_seen(speakers):
        own = [(i, cues) for i, cues in enumerate(analysis.measured) if speakers[i] == speaker]
        if any(LOUDNESS in cues.values or PITCH in cues.values for _, cues in own):
            lane_top = top + len(lanes) * HEIGHT
            lanes.append(CueLane(speaker, lane_top, tuple(_marks(own, xs, lane_top + HEIGHT))))
    return tuple(lanes)


def tell_values(cues: UtteranceCues) -> str:
    """The values of an utterance for its tooltip.

    >>> tell_values(UtteranceCues({"loudness_db": -20.04, "pitch_hz": 181.6}, ("faster",)))
    '-20.0 dB · 182 Hz · faster'
    """
    values = [form.format(cues.values[name]) for name, form in _SHOWN.items() if name in cues.values]
    return " · ".join((*values, *cues.words))


def _marks(own: Sequence[tuple[int, UtteranceCues]], xs: Sequence[float], bottom: float) -> Iterator[CueMark]:
    bar = _scale([cues.values[LOUDNESS] for _, cues in own if LOUDNESS in cues.values], _LEAST_DB, _BAR)
    pitch = [_semitones(cues.values[PITCH]) for _, cues in own if cues.values.get(PITCH, 0.0) > 0]
    dot = _scale(pitch, _LEAST_SEMITONES, _DOT)
    for i, cues in own:
        loudness, hertz = cues.values.get(LOUDNESS), cues.values.get(PITCH, 0.0)
        if loudness is not None or hertz > 0:
            height = None if loudness is None else bar(loudness)
            y = round(bottom - dot(_semitones(hertz)), 1) if hertz > 0 else None
            yield CueMark(i, xs[i], height, y, tell_values(cues))


def _semitones(hertz: float) -> float:
    return 12 * math.log2(hertz)


def _scale(values: Sequence[float], least: float, heights: tuple[float, float]) -> Callable[[float], float]:
    """From a value to its height: the range of the values, widened to `least`, becomes that of the heights."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    missing = max(least - (high - low), 0.0) / 2
    low, high = low - missing, high + missing
    return lambda value: round(heights[0] + (heights[1] - heights[0]) * (value - low) / (high - low), 1)
