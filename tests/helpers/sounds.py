"""Sounds for tests: exact tones, and small dialogues spoken by espeak-ng."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import MASAC8

soundfile: Any = pytest.importorskip("soundfile", reason="fliptrace[cues] is not installed")
pytest.importorskip("librosa", reason="fliptrace[cues] is not installed")


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skip where one of the programs is not installed, and say which."""
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} not installed")


def tone(hertz: float, seconds: float, amplitude: float = 0.5, rate: int = 16_000) -> NDArray[np.float32]:
    """A sine, in which pYIN hears a voice."""
    times = np.arange(round(seconds * rate)) / rate
    return (amplitude * np.sin(2 * np.pi * hertz * times)).astype(np.float32)


def silence(seconds: float, rate: int = 16_000) -> NDArray[np.float32]:
    return np.zeros(round(seconds * rate), np.float32)


def noise(seconds: float, amplitude: float, rate: int = 16_000) -> NDArray[np.float32]:
    return (amplitude * np.random.default_rng(0).standard_normal(round(seconds * rate))).astype(np.float32)


def write(path: Path, *parts: NDArray[np.float32], rate: int = 16_000) -> Path:
    soundfile.write(path, np.concatenate(parts), rate)
    return path


def said(*rows: tuple[str, float | None, float | None], text: str = "ten letters") -> Dialogue:
    """A dialogue of speakers with the times of what they say."""
    return Dialogue("call", "call", tuple(Utterance(who, text, start=a, end=b) for who, a, b in rows), MASAC8)


class Line(NamedTuple):
    """A line for espeak-ng: `pitch` 0 to 99, `speed` in words per minute, `volume` 0 to 200."""

    speaker: str
    text: str
    pitch: int = 40
    speed: int = 160
    volume: int = 60


def speak(folder: Path, lines: Sequence[Line], gap: float = 0.4) -> tuple[Path, Dialogue]:
    """A recording of the lines with `gap` seconds before each, and the dialogue with their times."""
    parts, utterances, time, rate = [], [], 0.0, 22_050
    for number, line in enumerate(lines):
        path = folder / f"line-{number}.wav"
        options = ["-p", str(line.pitch), "-s", str(line.speed), "-a", str(line.volume)]
        subprocess.run(["espeak-ng", "-v", "en", *options, "-w", str(path), line.text], check=True)
        samples, rate = soundfile.read(path, dtype="float32")
        start = time + gap
        time = start + len(samples) / rate
        parts += [silence(gap, rate), samples]
        utterances.append(Utterance(line.speaker, line.text, start=round(start, 3), end=round(time, 3)))
    recording = write(folder / "call.wav", *parts, rate=rate)
    return recording, Dialogue("call", "call", tuple(utterances), MASAC8)
