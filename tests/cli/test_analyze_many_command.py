"""`fliptrace analyze` with many conversations, as a user types it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from fliptrace.cli.main import app
from fliptrace.core.errors import InputError

LINES = "call,speaker,text,emotion\n{0},Ana,Where is it?,neutral\n{0},Bo,I lost it.,sadness\n{0},Ana,What?,{1}\n"


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["analyze", *map(str, arguments), "--model", "rule:previous"])


def tells(result: Result, text: str) -> bool:
    """Whether the terminal shows a text; its lines break anywhere in a path."""
    return "".join(text.split()) in "".join(result.stderr.split())


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    path = tmp_path / "calls.csv"
    rows = "".join(LINES.format(f"c{i}", emotion).partition("\n")[2] for i, emotion in enumerate(("joy", "anger")))
    path.write_text(LINES.partition("\n")[0] + "\n" + rows)
    return path


def test_a_table_of_conversations_becomes_three_tables_and_pages(calls: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    out = tmp_path / "tables"
    for told in ("2 conversations", "0 conversations; 2 were finished before"):
        result = invoke(calls, "--out", out, "--by", "call", "--processes", "2", "--pages")
        assert result.exit_code == 0
        assert tells(result, told)
    flips = parquet.read_table(out / "flips").to_pylist()
    assert [(row["conversation"], row["after"]) for row in flips] == [(f"{calls}#c0", "joy"), (f"{calls}#c1", "anger")]
    assert len(list((out / "pages").iterdir())) == 2


def test_what_failed_is_told_and_the_exit_code_is_1(calls: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "bare.txt").write_text("Ana: Hello there.\nBo: Hi.\n")
    result = invoke(calls, tmp_path / "more", "--out", tmp_path / "tables", "--by", "call")
    assert result.exit_code == 1
    assert tells(result, "bare.txt: bare: 2 of 2 utterances have no emotion")
    assert tells(result, "1 failed, all told in")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["other.csv"], "2 transcripts; expected one, or --out DIR"),
        (["--by", "call"], "--by: is for many conversations; expected --out DIR beside it"),
        (["--processes", "2"], "--processes: is for many conversations"),
        (["--out", "tables", "--csv", "a.csv"], "--csv: is for one conversation; --out writes tables"),
        (["--out", "tables", "--json"], "--json: is for one conversation"),
    ],
)
def test_options_that_do_not_fit_are_named(calls: Path, options: list[str], message: str) -> None:
    result = invoke(calls, *options)
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)
