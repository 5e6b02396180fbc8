"""A damaged file of any format is a dialogue or an InputError, read in seconds and in little memory."""

from __future__ import annotations

import resource
import time
import warnings
from pathlib import Path

import pytest
from mutations import Mutated, mutate

from fliptrace.core.errors import InputError, MissingExtra
from fliptrace.transcripts.bundled import BUNDLED
from fliptrace.transcripts.formats import READERS
from fliptrace.transcripts.read import read_transcript

FIXTURES = Path(__file__).parent / "fixtures"
MAX_SECONDS = 5.0
MAX_MEGABYTES = 500


def seeds() -> list[tuple[bytes, str]]:
    """The fixtures, the bundled transcripts, and the example of every format."""
    files = [*sorted(FIXTURES.iterdir()), *BUNDLED.values()]
    found = [(path.read_bytes(), path.suffix) for path in files]
    return found + [
        (reader.example.encode(), (*reader.suffixes, "")[0]) for reader in READERS.values() if reader.example
    ]


def read(path: Path, mutated: Mutated) -> None:
    path.write_bytes(mutated.data)
    try:
        transcript = read_transcript(path)
    except (InputError, MissingExtra):
        return
    assert len(transcript) == len(transcript.places) > 0
    for utterance in transcript.utterances:
        assert utterance.text.strip() and utterance.speaker.strip()
        f"{utterance.speaker}{utterance.text}{utterance.cues}".encode()
    "".join(transcript.notes).encode()


def survive(folder: Path, number: int, seed: int) -> None:
    started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for index, mutated in enumerate(mutate(seeds(), number, seed)):
        path = folder / f"talk{mutated.suffix}"
        began = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # parsers of markup warn about markup
            try:
                read(path, mutated)
            except Exception as error:
                raise AssertionError(f"file {index} of seed {seed}: {mutated.data[:300]!r}{mutated.suffix}") from error
        assert time.process_time() - began < MAX_SECONDS, f"file {index} of seed {seed}"
    used = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - started) / 1024
    assert used < MAX_MEGABYTES


def test_there_is_a_seed_of_every_format_with_an_example() -> None:
    assert len(seeds()) >= 19


@pytest.mark.parametrize("seed", range(2))
def test_a_thousand_damaged_files_are_read_or_refused(tmp_path: Path, seed: int) -> None:
    survive(tmp_path, 1_000, seed)


@pytest.mark.slow
def test_twenty_thousand_damaged_files_are_read_or_refused(tmp_path: Path) -> None:
    survive(tmp_path, 20_000, seed=7)
