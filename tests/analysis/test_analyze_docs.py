"""The examples of `analyze` in docs/analyze.md and the README are true: the Python runs, columns and JSON match."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from keyword_scorer import keyword_model

import fliptrace
from fliptrace.analysis.result import Analysis
from fliptrace.analysis.tables import COLUMNS
from fliptrace.models import open_model as model_refs
from fliptrace.models.bundled import EMBEDDED, is_shipped
from fliptrace.transcripts.bundled import BUNDLED

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "analyze.md").read_text(encoding="utf-8")
EXAMPLES = [
    (page, block)
    for page in ("README.md", "docs/analyze.md")
    for block in re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    if "fliptrace.analyze" in block
]


@pytest.fixture
def an_embedded_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model that ships with fliptrace; if its weights are missing, one that looks for keywords."""
    opens = model_refs.open_model

    def open_model(ref: str, device: str = "auto", **_: object) -> model_refs.OpenModel:
        return keyword_model() if ref == "embedded" else opens(ref, device)

    if not is_shipped(EMBEDDED):
        monkeypatch.setattr(model_refs, "open_model", open_model)


def test_there_is_an_example() -> None:
    assert len(EXAMPLES) >= 1


@pytest.mark.usefixtures("an_embedded_model")
@pytest.mark.parametrize(("page", "example"), EXAMPLES, ids=[page for page, _ in EXAMPLES])
def test_the_example_runs(page: str, example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(BUNDLED["call"], "call.vtt")
    names: dict[str, Any] = {}
    exec(compile(example, page, "exec"), names)
    assert Analysis.from_json(names["analysis"].to_json()) == names["analysis"]
    assert Path("call.html").stat().st_size > 10_000
    assert len(names["analysis"].dialogue) == 24


def test_every_column_is_described() -> None:
    table = GUIDE.partition("## The table")[2].partition("## In Python")[0]
    assert set(re.findall(r"`(\w+)`", table)) >= set(COLUMNS)


@pytest.mark.usefixtures("an_embedded_model")
def test_the_json_shown_is_a_flip_of_an_analysis() -> None:
    [block] = re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)
    shown = json.loads(block)
    document = fliptrace.analyze(fliptrace.read_transcript(BUNDLED["call"]), fliptrace.load_model()).to_json()
    assert set(shown) == set(document["flips"][0])
