"""docs/transcripts.md is up to date: its files are written, its Python is run, its lists match the code."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from fliptrace.transcripts.format_names import FORMAT_NAMES
from fliptrace.transcripts.read import READERS
from fliptrace.transcripts.tables.aliases import ALIASES

PAGE = (Path(__file__).parents[2] / "docs" / "transcripts.md").read_text(encoding="utf-8")


def test_every_example_of_the_page_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = re.findall(r"^`([\w.]+)`:\n\n```\w+\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
    assert len(files) == 2
    for name, content in files:
        (tmp_path / name).write_text(content, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    examples = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "transcripts.md", None, 0)
    output: list[str] = []
    results = doctest.DocTestRunner().run(examples, out=output.append)
    assert results.attempted >= 7
    assert not results.failed, "".join(output)


def test_the_page_names_every_format_and_no_other() -> None:
    rows = re.findall(r"^\|[^|]*\|[^|]+\| (`[^|]+`) \|$", PAGE, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`([\w-]+)`", row)} == set(READERS)


def test_the_help_names_every_format() -> None:
    assert list(READERS) == list(FORMAT_NAMES)


@pytest.mark.parametrize("role", ALIASES)
def test_the_column_names_of_the_page_are_recognised(role: str) -> None:
    found = re.search(rf"^\| `{role}` \| ([^|…]+?)( …)? \|$", PAGE, re.MULTILINE)
    assert found is not None
    assert set(found[1].split(", ")) <= set(ALIASES[role])
