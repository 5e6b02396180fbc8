"""Recordings of all kinds, damaged and strange ones too."""

from __future__ import annotations

import shutil
import subprocess
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sounds import needs, noise, said, silence, soundfile, tone, write

from fliptrace.core.errors import InputError
from fliptrace.cues.measure import MeasuredSound, measure_sound
from fliptrace.cues.recording import open_recording

ONE = said(("A", 0.0, 2.0))


def measured(path: Path) -> MeasuredSound:
    return measure_sound(ONE, path)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100])
def test_the_rate_of_a_file_changes_neither_pitch_nor_loudness(rate: int, tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", silence(0.5, rate), tone(150, 1.0, 0.3, rate), silence(0.5, rate), rate=rate)
    (found,), notes = measured(path)
    assert found["pitch_hz"] == pytest.approx(150, rel=0.01)
    assert found["loudness_db"] == pytest.approx(20 * np.log10(0.3 / np.sqrt(2)), abs=0.3)
    assert found["characters_per_second"] == pytest.approx(10, abs=0.5)  # ten letters in one second of voice
    assert notes == ()


@pytest.mark.parametrize("kind", ["flac", "ogg", "mp3"])
def test_compressed_files_are_read_at_the_right_times(kind: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"a.{kind}", silence(4.0), tone(150, 1.0, 0.3), silence(1.0))
    (before, found), _ = measure_sound(said(("A", 2.0, 3.8), ("B", 3.8, 5.8)), path)
    assert "pitch_hz" not in before
    assert found["pitch_hz"] == pytest.approx(150, rel=0.01)
    assert found["voice_share"] == pytest.approx(0.5, abs=0.05)


def test_the_channels_of_a_stereo_file_are_averaged(tmp_path: Path) -> None:
    one = np.concatenate([silence(0.5), tone(150, 1.0, 0.4), silence(0.5)])
    soundfile.write(tmp_path / "a.flac", np.stack([one, np.zeros_like(one)], axis=1), 16_000)
    (found,), _ = measured(tmp_path / "a.flac")
    assert found["loudness_db"] == pytest.approx(20 * np.log10(0.2 / np.sqrt(2)), abs=0.3)


@pytest.mark.parametrize(
    ("sound", "why"),
    [
        (silence(2.0), "no voice is heard"),
        (noise(2.0, 0.1), "no voice is heard"),
        (np.clip(tone(150, 2.0, 4.0), -1, 1), "too noisy or clipped"),
    ],
)
def test_what_cannot_be_measured_is_counted_in_a_note(sound: NDArray[np.float32], why: str, tmp_path: Path) -> None:
    (found,), (note,) = measured(write(tmp_path / "a.wav", sound))
    assert "loudness_db" not in found
    assert note.startswith("a.wav: 1 of 1 utterances are not or only partly measured: ")
    assert why in note


def test_utterances_beyond_the_end_are_counted_and_the_others_measured(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", silence(0.2), tone(150, 1.6), silence(0.2))
    values, notes = measure_sound(said(("A", 0.0, 2.0), ("A", 1.5, 3.0), ("A", 5.0, 6.0)), path)
    assert ["pitch_hz" in each for each in values] == [True, False, False]
    assert notes == (
        "a.wav: 2 of 3 utterances are not or only partly measured: their times lie beyond the end of the recording",
    )


def test_a_recording_that_ends_before_the_first_utterance_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tone(150, 2.0))
    with pytest.raises(InputError, match=r"lasts 2\.0 s, but the first utterance starts at 7\.0 s"):
        measure_sound(said(("A", 7.0, 8.0)), path)


def test_a_recording_that_goes_on_for_long_gets_a_note(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", silence(0.2), tone(150, 1.6), silence(70))
    assert "goes on for 70 s after the last utterance" in measured(path).notes[0]


def test_where_others_speak_too_nothing_of_them_is_measured(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tone(100, 2.0), tone(300, 2.0))
    (first, second, inner), notes = measure_sound(said(("A", 0.0, 3.0), ("B", 2.0, 4.0), ("C", 3.1, 3.5)), path)
    assert first["pitch_hz"] == pytest.approx(100, rel=0.01)
    assert second["pitch_hz"] == pytest.approx(300, rel=0.01)
    assert set(inner) == {"overlap_seconds", "pause_before_seconds"}
    assert "others speak at the same time" in notes[0]


@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.raw"])
def test_a_text_file_is_no_recording_whatever_its_name(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("WEBVTT\n\nnot a sound\n" * 50, encoding="utf-8")
    with pytest.raises(InputError, match=r"not WAV, FLAC, Ogg or MP3|not a recording that can be read|no sound track"):
        measured(tmp_path / name)


def test_without_ffmpeg_the_error_says_what_it_would_be_needed_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    (tmp_path / "a.mp4").write_bytes(b"no video at all")
    with pytest.raises(InputError, match="other sound files and videos need ffmpeg, which is not here"):
        measured(tmp_path / "a.mp4")


def test_a_missing_file_and_an_empty_recording_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        measured(tmp_path / "a.wav")
    with pytest.raises(InputError, match="a recording of 0 seconds"):
        measured(write(tmp_path / "b.wav", silence(0)))


@pytest.mark.parametrize("kind", ["wav", "flac"])
def test_of_a_truncated_file_the_rest_is_measured(kind: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"a.{kind}", *(part for _ in range(5) for part in (noise(1.0, 0.002), tone(150, 1.0))))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    values, notes = measure_sound(said(("A", 0.0, 2.0), ("A", 8.0, 10.0)), path)
    assert values[0]["pitch_hz"] == pytest.approx(150, rel=0.01)
    assert "pitch_hz" not in values[1]
    assert notes[0].startswith(f"a.{kind}: 1 of 2 utterances are not or only partly measured: ")


def test_of_three_hours_only_a_block_is_in_memory_at_a_time(tmp_path: Path) -> None:
    path, rate = tmp_path / "a.wav", 8_000
    write(path, silence(0.1, rate), rate=rate)
    header = bytearray(path.read_bytes()[:44])
    size = 3 * 3_600 * rate * 2
    header[4:8], header[40:44] = (size + 36).to_bytes(4, "little"), size.to_bytes(4, "little")
    with path.open("wb") as file:
        file.write(header)
        file.truncate(44 + size)  # sparse: 173 MB that take no room on disk
    dialogue = said(("A", 0.0, 1_200.0), ("B", 10_700.0, 10_702.0))
    measured(write(tmp_path / "small.wav", tone(150, 2.0)))  # imports count in no memory of the file
    tracemalloc.start()
    values, _ = measure_sound(dialogue, path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [each["voice_share"] for each in values] == [0.0, 0.0]
    assert peak < 30e6


@needs("ffmpeg")
def test_the_sound_of_a_video_is_measured_on_the_clock_of_the_video(tmp_path: Path) -> None:
    sound = write(tmp_path / "a.wav", tone(150, 1.0), silence(0.5))
    inputs = ["-f", "lavfi", "-i", "color=size=16x16:rate=5:duration=3", "-itsoffset", "1", "-i", str(sound)]
    ffmpeg(*inputs, "-c:v", "mpeg4", "-c:a", "aac", str(tmp_path / "a.mp4"))
    (early, late), _ = measure_sound(said(("A", 0.0, 0.9), ("A", 1.0, 2.0)), tmp_path / "a.mp4")
    assert "pitch_hz" not in early
    assert late["pitch_hz"] == pytest.approx(150, rel=0.01)


@needs("ffmpeg")
def test_a_video_without_sound_is_refused(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "color=size=16x16:rate=5:duration=1", "-c:v", "mpeg4", str(tmp_path / "a.mp4"))
    with pytest.raises(InputError, match="has no sound track"), open_recording(tmp_path / "a.mp4"):
        pass


def ffmpeg(*arguments: str) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *arguments], check=True)
