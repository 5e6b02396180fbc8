"""A recording that is read piece by piece: mono, 16 kHz. It is never held in memory as a whole.

libsndfile reads WAV, FLAC, Ogg, MP3 and others. Everything else, videos too, is first decoded by ffmpeg, if that is
installed, into a temporary file.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fliptrace.core.errors import InputError, MissingExtra
from fliptrace.core.files import open_input

if TYPE_CHECKING:
    from soundfile import SoundFile

SAMPLE_RATE = 16_000  # samples per second of what is measured; voices have their pitch far below half of it
_FULL_SCALE = 0.985  # a sample from here on may have been clipped
_MAX_HOURS = 24


class Sound(NamedTuple):
    """A piece of a recording at SAMPLE_RATE. `clipped` is the share of its original samples at full scale."""

    samples: NDArray[np.float32]
    clipped: float

    @property
    def seconds(self) -> float:
        return len(self.samples) / SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Recording:
    """An open recording. `seconds` is its length, according to its header."""

    seconds: float
    file: SoundFile

    def read(self, start: float, end: float) -> Sound:
        """Read from `start` to `end`, in seconds; less where the file ends or is damaged. Channels are averaged."""
        import soundfile
        import soxr

        rate = self.file.samplerate
        first, last = (min(max(round(time * rate), 0), self.file.frames) for time in (start, end))
        samples = np.zeros((0, 1), np.float32)
        if last > first:
            try:
                self.file.seek(first)
                samples = self.file.read(last - first, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError:  # a damaged or cut part; what lies elsewhere may be whole
                pass
        if not len(samples) or not np.isfinite(samples).all():
            return Sound(np.zeros(0, np.float32), 0.0)
        clipped = float((np.abs(samples).max(axis=1) >= _FULL_SCALE).mean())
        return Sound(soxr.resample(samples.mean(axis=1), rate, SAMPLE_RATE), clipped)


@contextmanager
def open_recording(path: Path) -> Iterator[Recording]:
    """Open a sound or video file; InputError if it has no sound that can be read, MissingExtra without soundfile."""
    try:
        import soundfile
        import soxr  # noqa: F401
    except ImportError as error:
        raise MissingExtra("measuring a recording", "cues", error.name or "soundfile") from error
    with open_input(path) as file:
        try:
            opened = soundfile.SoundFile(file)
        except (soundfile.LibsndfileError, TypeError) as error:  # TypeError: a name that ends in .raw
            refusal = error
        else:
            with opened:
                yield _checked(opened, path)
            return
    with tempfile.TemporaryDirectory(prefix="fliptrace-") as folder:
        decoded = Path(folder) / "sound.wav"
        _decode(path, decoded, refusal)
        with soundfile.SoundFile(decoded) as opened:
            yield _checked(opened, path)


def _checked(opened: SoundFile, path: Path) -> Recording:
    if not opened.frames:
        raise InputError(path, "a recording of 0 seconds; expected sound")
    return Recording(opened.frames / opened.samplerate, opened)


def _decode(path: Path, target: Path, refusal: Exception) -> None:
    """Write the first sound track of a file to `target`; InputError if there is none, or no ffmpeg."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        raise InputError(
            path, f"not WAV, FLAC, Ogg or MP3 ({refusal}); other sound files and videos need ffmpeg, which is not here"
        )
    command = [ffmpeg, "-v", "error", "-nostdin", "-protocol_whitelist", "file", "-i", f"file:{path.resolve()}"]
    # A track that begins later than its video is filled up, so that times stay those of the video.
    command += ["-map", "0:a:0", "-af", "aresample=async=1:first_pts=0", "-t", str(_MAX_HOURS * 3600)]
    command += ["-ac", "1", "-ar", str(SAMPLE_RATE), "-c:a", "pcm_s16le", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode == 0:
        return
    if "matches no streams" in done.stderr:
        raise InputError(path, "has no sound track; expected a recording, or a video with sound")
    reason = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit code {done.returncode}"
    raise InputError(path, f"not a recording that can be read ({reason.removeprefix(f'file:{path.resolve()}: ')})")
