"""What is measured of a piece of sound: how loud its voice is, and how high.

The pitch is that of pYIN (Mauch and Dixon, ICASSP 2014; librosa). Only frames in which it hears a voice are measured.
What is too short, has no voice, drowns in noise or is clipped has no value.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fliptrace.core.errors import MissingExtra
from fliptrace.cues.recording import SAMPLE_RATE
from fliptrace.cues.values import LOUDNESS, LOUDNESS_VARIATION, PITCH, PITCH_RANGE, VOICE_SHARE

HOP_SECONDS = 0.02
_HOP = round(HOP_SECONDS * SAMPLE_RATE)  # samples
_FRAME = 1024  # samples, almost four periods of the lowest pitch
_LOWEST, _HIGHEST = 60.0, 500.0  # Hz, of speaking voices, children's too
_STEPS_PER_SEMITONE = 4  # of the pitch; ten, pYIN's default, take five times as long
_NUM_THRESHOLDS = 50  # of pYIN; its default of 100 takes twice as long and finds the same
_THRESHOLDS = (2, 6)  # their beta distribution; pYIN's (2, 18) misses most of low voices, and noise passes neither

_MIN_VOICED = 10  # frames, 0.2 s: less voice is not measured
_SILENCE_DB = -65.0  # a quieter frame is no voice
_MIN_ABOVE_NOISE_DB = 10.0  # of the voice above the quietest frames without; nearer, the noise adds 0.5 dB and more
_MIN_UNVOICED = 5  # frames, to know the noise by
_MAX_CLIPPED = 0.005  # of the samples; above, the true level is higher by an unknown amount


class Frames(NamedTuple):
    """Frames of 20 ms: the level of each in dB, and its pitch in Hz, nan where there is no voice."""

    level: NDArray[np.float64]
    pitch: NDArray[np.float64]

    @property
    def voiced(self) -> NDArray[np.bool_]:
        return ~np.isnan(self.pitch)


def frames_of(samples: NDArray[np.float32]) -> Frames:
    """Measure a piece of sound at SAMPLE_RATE, frame by frame."""
    try:
        from librosa import pyin
    except ImportError as error:
        raise MissingExtra("measuring a recording", "cues", "librosa") from error
    num_frames = len(samples) // _HOP
    power = np.square(samples[: num_frames * _HOP], dtype=np.float64).reshape(num_frames, _HOP).mean(axis=1)
    level = 10 * np.log10(np.maximum(power, 1e-12))
    if num_frames == 0 or level.max() < _SILENCE_DB:
        return Frames(level, np.full(num_frames, np.nan))
    pitch, _, _ = pyin(
        samples,
        sr=SAMPLE_RATE,
        fmin=_LOWEST,
        fmax=_HIGHEST,
        frame_length=_FRAME,
        hop_length=_HOP,
        resolution=1 / _STEPS_PER_SEMITONE,
        n_thresholds=_NUM_THRESHOLDS,
        beta_parameters=_THRESHOLDS,
    )
    return Frames(level, np.where(level < _SILENCE_DB, np.nan, pitch[:num_frames]))


def joined(parts: Iterable[Frames]) -> Frames:
    level, pitch = zip(*parts, strict=True)
    return Frames(np.concatenate(level), np.concatenate(pitch))


def voice_values(frames: Frames, clipped: float) -> dict[str, float]:
    """The values of the voice in some frames, by their names; those that are not reliable are left out.

    `clipped` is the share of the samples at full scale.
    """
    if not len(frames.level):
        return {}
    voiced = frames.voiced
    values = {VOICE_SHARE: round(float(voiced.mean()), 2)}
    if voiced.sum() < _MIN_VOICED:
        return values
    pitch = frames.pitch[voiced]
    low, high = np.percentile(pitch, (10, 90))
    values[PITCH] = round(float(np.median(pitch)), 1)
    values[PITCH_RANGE] = round(float(12 * np.log2(high / low)), 1)
    level = frames.level[voiced]
    loudness = 10 * np.log10(np.mean(10 ** (level / 10)))
    noise = np.percentile(frames.level[~voiced], 10) if (~voiced).sum() >= _MIN_UNVOICED else -np.inf
    if clipped <= _MAX_CLIPPED and loudness - noise >= _MIN_ABOVE_NOISE_DB:
        values[LOUDNESS] = round(float(loudness), 1)
        values[LOUDNESS_VARIATION] = round(float(level.std()), 1)
    return values
