"""`fliptrace formats`, and what `fliptrace doctor --transcript` explains."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fliptrace.cli.console import console
from fliptrace.cli.main import app
from fliptrace.transcripts.formats import READERS


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "width", 200)


def test_every_format_is_listed_with_its_suffixes() -> None:
    result = CliRunner().invoke(app, ["formats", "--json"])
    assert [row["name"] for row in json.loads(result.stdout)] == list(READERS)


def test_a_format_is_shown_with_its_example() -> None:
    shown = CliRunner().invoke(app, ["formats", "vtt"])
    assert shown.exit_code == 0
    assert "<v Ana>You are late." in shown.output


def test_every_format_says_what_it_is() -> None:
    assert [name for name, reader in READERS.items() if not reader.title] == []


def test_a_format_may_be_written_with_an_underscore() -> None:
    assert "teams-json" in CliRunner().invoke(app, ["formats", "Teams_JSON"]).output


def test_an_unknown_format_is_an_error_that_names_the_nearest() -> None:
    result = CliRunner().invoke(app, ["formats", "vvt"])
    assert "did you mean 'vtt'?" in str(result.exception)


def test_the_doctor_explains_every_line_of_a_transcript(tmp_path: Path) -> None:
    path = tmp_path / "talk.txt"
    path.write_text("Ana: You are late.\nBen: (sighs)\nAna: Say something!\nBen: The train stood still.\n")
    shown = CliRunner().invoke(app, ["doctor", "--transcript", str(path)]).output
    assert "talk: read as text" in shown
    lines = [line.split() for line in shown.splitlines() if line.startswith("line")]
    assert [(line[1], line[2]) for line in lines][:2] == [("1", "Ana"), ("2", "Ben")]
    assert len(lines) == 4
