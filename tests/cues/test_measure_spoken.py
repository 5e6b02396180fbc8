"""Spoken dialogues: what is measured comes in the order in which it was spoken."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from sounds import Line, needs, speak

from fliptrace.cues.collect import collect_cues
from fliptrace.cues.measure import measure_sound

pytestmark = needs("espeak-ng")
TEXT = "The parcel has been lying at the wrong door since Monday."


@pytest.mark.parametrize(
    ("option", "steps", "name"),
    [
        ("pitch", (10, 40, 75), "pitch_hz"),
        ("speed", (110, 160, 240), "characters_per_second"),
        ("volume", (15, 45, 110), "loudness_db"),
    ],
)
def test_what_is_measured_has_the_order_of_what_was_spoken(
    option: str, steps: tuple[int, ...], name: str, tmp_path: Path
) -> None:
    recording, dialogue = speak(tmp_path, [Line("A", TEXT)._replace(**{option: step}) for step in steps])
    found = [values[name] for values in measure_sound(dialogue, recording).values]
    assert found == sorted(found)
    assert len(set(found)) == 3


def test_the_loudness_follows_the_volume_in_decibels(tmp_path: Path) -> None:
    recording, dialogue = speak(tmp_path, [Line("A", TEXT, volume=volume) for volume in (20, 80)])
    quiet, loud = (values["loudness_db"] for values in measure_sound(dialogue, recording).values)
    assert loud - quiet == pytest.approx(12.0, abs=1.0)  # four times the volume


def test_a_low_voice_is_heard_as_well_as_a_high_one(tmp_path: Path) -> None:
    recording, dialogue = speak(tmp_path, [Line("A", TEXT, pitch=pitch) for pitch in (15, 80)])
    low, high = measure_sound(dialogue, recording).values
    assert low["voice_share"] > 0.4
    assert low["pitch_hz"] < 90 < high["pitch_hz"]
    assert low["characters_per_second"] == pytest.approx(high["characters_per_second"], rel=0.15)


@needs("sox")
def test_noise_leaves_the_pitch_as_it_is(tmp_path: Path) -> None:
    recording, dialogue = speak(tmp_path, [Line("A", TEXT, pitch=20), Line("A", TEXT, pitch=60)])
    clean = [values["pitch_hz"] for values in measure_sound(dialogue, recording).values]
    noisy, mixed = tmp_path / "noise.wav", tmp_path / "mixed.wav"
    subprocess.run(["sox", "-R", str(recording), str(noisy), "synth", "pinknoise", "vol", "0.02"], check=True)
    subprocess.run(["sox", "-m", "-v", "1", str(recording), "-v", "1", str(noisy), str(mixed)], check=True)
    assert [v["pitch_hz"] for v in measure_sound(dialogue, mixed).values] == pytest.approx(clean, rel=0.06)


def test_the_one_raised_voice_of_a_dialogue_is_told_in_words(tmp_path: Path) -> None:
    texts = [f"Line {number} is about the parcel and the door." for number in range(10)]
    lines = [Line("A", text, volume=30) for text in texts]
    lines[6] = lines[6]._replace(volume=110, pitch=70, speed=230)
    recording, dialogue = speak(tmp_path, lines)
    cues = collect_cues(dialogue, recording)
    assert cues.utterances[6].words == ("louder than usual", "higher pitch", "faster")
    assert not any("louder than usual" in each.words for i, each in enumerate(cues.utterances) if i != 6)
