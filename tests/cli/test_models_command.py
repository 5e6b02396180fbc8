"""`fliptrace models`: what it lists, fetches and prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from fliptrace.cli.console import console
from fliptrace.cli.main import app
from fliptrace.core.errors import InputError
from fliptrace.models import fetch as fetching
from fliptrace.models.catalog import BaseRecord
from fliptrace.models.fetch import FetchedModel

Q4_1 = "smollm2-135m-instruct-q4_1"


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "width", 200)


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["models", *arguments], env={"FLIPTRACE_MODELS": str(folder)})


def put(name: str, root: Path) -> Path:
    """A folder that stands for a fetched model."""
    (root / name).mkdir()
    BaseRecord(name, "model.safetensors", "0" * 64).write(root / name)
    return root / name


def test_the_list_says_which_models_are_here(tmp_path: Path) -> None:
    folder = put(Q4_1, tmp_path)
    rows = {row["name"]: row for row in json.loads(run(tmp_path, "list", "--json").stdout)}
    assert {name: row["path"] for name, row in rows.items()} == {"smollm2-135m-instruct": None, Q4_1: str(folder)}
    assert rows[Q4_1]["licence"] == "Apache-2.0" and rows[Q4_1]["num_bytes"] == 92_871_040
    shown = [line.split() for line in run(tmp_path, "list").output.splitlines()]
    assert [line[:4] for line in shown if line[0] == Q4_1] == [[Q4_1, "here", "92.9", "MB"]]


def test_the_path_of_a_model_is_printed_alone(tmp_path: Path) -> None:
    folder = put(Q4_1, tmp_path)
    assert run(tmp_path / "other", "path", Q4_1, "--models", str(tmp_path)).stdout == f"{folder}\n"


def test_the_path_of_a_missing_model_is_an_error_that_names_the_command(tmp_path: Path) -> None:
    failed = run(tmp_path, "path", Q4_1)
    assert isinstance(failed.exception, InputError)
    assert f"run: fliptrace models fetch {Q4_1}" in str(failed.exception)


def test_fetching_says_when_it_is_another_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    got = FetchedModel(Q4_1, tmp_path / Q4_1, "the Hub does not give it")
    monkeypatch.setattr(fetching, "fetch", lambda name, root: got)
    fetched = run(tmp_path, "fetch", "smollm2-135m-instruct")
    assert fetched.exit_code == 0 and fetched.stdout == ""
    assert "note the Hub does not give it" in fetched.stderr
    assert f"{Q4_1} was fetched instead of smollm2-135m-instruct: it is another base" in fetched.stderr
    assert f"✓ {Q4_1}: {tmp_path / Q4_1}" in fetched.stderr
