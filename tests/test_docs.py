"""README and docs say what is true: their commands parse, those that need no trained model run, their Python runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from fliptrace.cli.main import app

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "CONTRIBUTING.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")))


def commands_of(page: str) -> list[list[str]]:
    """The `fliptrace` commands in a page's console blocks, without the program's name."""
    blocks = re.findall(r"```console\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    lines = [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ fliptrace ")]
    return [shlex.split(line)[1:] for line in lines]


COMMANDS = [(page, command) for page in PAGES for command in commands_of(page)]


def test_the_pages_hold_commands_to_check() -> None:
    assert len(COMMANDS) >= 8


@pytest.mark.parametrize(("page", "command"), COMMANDS, ids=lambda value: " ".join(value) if value else "")
def test_every_command_in_the_docs_parses(page: str, command: list[str]) -> None:
    group = get_command(app)
    context = group.make_context("fliptrace", list(command), resilient_parsing=False)
    rest = [*context._protected_args, *context.args]
    while hasattr(group, "resolve_command"):
        name, group, rest = group.resolve_command(context, rest)
        assert name is not None and group is not None
        context = group.make_context(name, rest, parent=context)
        rest = [*context._protected_args, *context.args]


def test_readme_commands_without_a_trained_model_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ready = [command for command in commands_of("README.md") if "rule:previous" in command or command[0] == "score"]
    assert len(ready) == 2
    for command in ready:
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, result.output


def test_readme_names_every_module_of_the_house() -> None:
    tree = (ROOT / "README.md").read_text(encoding="utf-8").partition("```text\n")[2].partition("```")[0]
    modules = sorted(path for path in (ROOT / "src/fliptrace").rglob("*.py") if path.name != "__init__.py")
    assert len(modules) >= 60
    assert [path.name for path in modules if path.name not in tree] == []


@pytest.mark.parametrize(
    "command",
    [
        "",
        "analyze",
        "data",
        "doctor",
        "curate",
        "train",
        "predict",
        "score",
        "compare",
        "report",
        "show",
        "export",
        "fake-provider",
        "reproduce",
    ],
)
def test_every_command_teaches_by_its_help(command: str) -> None:
    result = CliRunner().invoke(app, [*command.split(), "--help"])
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 8
