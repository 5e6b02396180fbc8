"""docs/architecture.md is true: its map names every module by its path, and its two paths are those of real calls."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import FrameType

from shipped import needs_weights
from typer.testing import CliRunner

from fliptrace.cli.main import app

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "fliptrace"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)


def mapped(block: str) -> set[str]:
    """The paths of a map: rooms at two blanks with their captions, their files below at four."""
    paths: set[str] = set()
    room = ""
    for line in block.splitlines()[1:]:
        if line.startswith("    "):
            paths |= {f"{room}{name}" for name in line.split()}
        elif "/" in line.split()[0]:
            room = line.split()[0]
        else:
            paths |= {word for word in line.split() if word.endswith(".py")}
    return paths


def modules() -> set[str]:
    """All modules but the packages and the transcript readers, of which each is named after its format."""
    found = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"}
    return (found - readers()) | {"__init__.py"}


def readers() -> set[str]:
    paths = PACKAGE.glob("transcripts/*/*.py")
    is_reader = re.compile(r"^READERS? ?[:=]", re.MULTILINE)
    return {path.relative_to(PACKAGE).as_posix() for path in paths if is_reader.search(path.read_text("utf-8"))}


def test_the_map_holds_every_module_by_its_path_and_no_other() -> None:
    assert len(modules()) > 200
    assert mapped(BLOCKS[1]) == modules()


def test_a_file_that_is_not_on_the_map_is_missed_though_its_name_stands_elsewhere() -> None:
    without = BLOCKS[1].replace("    trainer.py job.py dry_run.py", "    job.py dry_run.py")
    assert modules() - mapped(without) == {"training/hosted/trainer.py"}  # training/trainer.py is still there


def drawn(path: str) -> list[str]:
    """The files of one of the two drawn paths, in order."""
    text = BLOCKS[0].partition(f"Path {path}:")[2].partition("\n\n")[0]
    return re.findall(r"^ +(?:-> )?([a-z_]+/[a-z_]+\.py)", text, re.MULTILINE)


def traced(run: Callable[[], None], files: list[str]) -> list[str]:
    """Of these files, those that a call enters, in the order of their first function that is called."""
    for name in files:  # so that what runs at import is not taken for a hop
        import_module(f"fliptrace.{name.removesuffix('.py').replace('/', '.')}")
    entered: list[str] = []
    prefix = f"{PACKAGE.as_posix()}/"

    def profile(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        name = code.co_filename.removeprefix(prefix)
        if event == "call" and name in files and name not in entered and not code.co_name.startswith(("<", "__")):
            entered.append(name)

    sys.setprofile(profile)
    try:
        run()
    finally:
        sys.setprofile(None)
    return entered


@needs_weights
def test_path_a_is_the_path_of_an_analysis(tmp_path: Path) -> None:
    def analyze() -> None:
        result = CliRunner().invoke(app, ["analyze", "sample", "--html", str(tmp_path / "call.html")])
        assert result.exit_code == 0, result.output

    assert len(drawn("A")) == 11
    assert traced(analyze, drawn("A")) == drawn("A")


def test_path_b_is_the_path_of_prediction_and_score(tmp_path: Path) -> None:
    out, script = str(tmp_path / "p.jsonl"), tmp_path / "script.jsonl"
    script.write_text('{"default": true, "answers": ["Triggers: none"]}\n')

    def predict_and_score() -> None:
        for command in (["predict", f"scripted:{script}", "sample:test", "--limit", "5", "--out", out], ["score", out]):
            result = CliRunner().invoke(app, command)
            assert result.exit_code == 0, result.output

    assert len(drawn("B")) == 11
    assert set(traced(predict_and_score, drawn("B"))) == set(drawn("B"))
