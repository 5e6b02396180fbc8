"""What is measured of sounds that are known exactly."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sounds import noise, silence, tone

from fliptrace.cues.voice import frames_of, voice_values


def measured(*parts: NDArray[np.float32], clipped: float = 0.0) -> dict[str, float]:
    return voice_values(frames_of(np.concatenate(parts)), clipped)


@pytest.mark.parametrize("hertz", [80, 120, 220, 440])
def test_the_pitch_of_a_tone_is_right_to_an_eighth_of_a_semitone(hertz: float) -> None:
    found = measured(silence(0.3), tone(hertz, 1.0), silence(0.3))
    assert 12 * np.log2(found["pitch_hz"] / hertz) == pytest.approx(0, abs=0.13)
    assert found["pitch_range_semitones"] <= 0.3


def test_the_loudness_of_a_tone_is_its_rms_in_decibels() -> None:
    loud, quiet = (measured(silence(0.3), tone(200, 1.0, amplitude), silence(0.3)) for amplitude in (0.5, 0.05))
    assert loud["loudness_db"] == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.3)
    assert loud["loudness_db"] - quiet["loudness_db"] == pytest.approx(20, abs=0.2)
    assert loud["loudness_variation_db"] < 2


def test_the_range_of_a_voice_that_leaps_an_octave_is_twelve_semitones() -> None:
    found = measured(silence(0.3), tone(120, 1.0), tone(240, 1.0), silence(0.3))
    assert found["pitch_range_semitones"] == pytest.approx(12, abs=0.3)


def test_the_loudness_of_a_voice_that_leaps_varies_by_half_the_leap() -> None:
    found = measured(silence(0.3), tone(200, 1.0, 0.5), tone(200, 1.0, 0.05), silence(0.3))
    assert found["loudness_variation_db"] == pytest.approx(10, abs=0.5)


def test_the_share_of_voice_is_that_of_its_time() -> None:
    assert measured(silence(1.0), tone(200, 1.0), silence(2.0))["voice_share"] == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize(
    ("what", "parts"),
    [
        ("silence", [silence(1.0)]),
        ("a faint hum", [tone(100, 1.0, 0.0005)]),
        ("noise", [noise(2.0, 0.1)]),
        ("too short a voice", [silence(0.5), tone(200, 0.12), silence(0.5)]),
    ],
)
def test_what_is_no_voice_has_neither_loudness_nor_pitch(what: str, parts: list[NDArray[np.float32]]) -> None:
    found = measured(*parts)
    assert set(found) == {"voice_share"}, what
    assert found["voice_share"] <= 0.12


def test_a_voice_little_above_the_noise_has_a_pitch_and_no_loudness() -> None:
    voice = np.concatenate([silence(0.5), tone(200, 1.0, 0.2), silence(0.5)])
    found = measured(voice + noise(2.0, 0.07))
    assert found["pitch_hz"] == pytest.approx(200, rel=0.03)  # half a semitone
    assert "loudness_db" not in found


def test_a_clipped_voice_has_a_pitch_and_no_loudness() -> None:
    found = measured(silence(0.3), tone(200, 1.0), clipped=0.02)
    assert "pitch_hz" in found
    assert "loudness_db" not in found


def test_no_sound_at_all_has_no_values() -> None:
    assert measured(silence(0.0)) == {}
