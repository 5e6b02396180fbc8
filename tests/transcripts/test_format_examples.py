"""The example of every format, which `fliptrace formats NAME` shows, is detected and read."""

from __future__ import annotations

from pathlib import Path

import pytest

from fliptrace.transcripts.formats import READERS
from fliptrace.transcripts.read import read_transcript

WITHOUT_EXAMPLE = {"docx", "odt", "parquet", "rttm", "xlsx"}  # they are binary, or refused


def test_every_format_that_is_text_has_an_example() -> None:
    assert {name for name, reader in READERS.items() if not reader.example} == WITHOUT_EXAMPLE


@pytest.mark.parametrize("name", [name for name in READERS if name not in WITHOUT_EXAMPLE])
def test_the_example_of_a_format_is_detected_and_read(name: str, tmp_path: Path) -> None:
    reader = READERS[name]
    path = tmp_path / f"call{reader.suffixes[0] if reader.suffixes else '.txt'}"
    path.write_text(reader.example, encoding="utf-8")
    transcript = read_transcript(path)
    assert transcript.format == name
    assert transcript.utterances
    for utterance in transcript.utterances:
        assert utterance.text.split()[0].strip(".") in reader.example
