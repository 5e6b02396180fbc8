"""README and docs say what is true: their commands parse, those that need no trained model run, their Python runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from shipped import needs_weights
from typer.main import get_command
from typer.testing import CliRunner

from fliptrace.cli.console import console
from fliptrace.cli.main import app
from fliptrace.models.bundled import EMBEDDED, is_shipped

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


@needs_weights
def test_readme_shows_real_output_of_analyze(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "width", 110)
    shown = CliRunner().invoke(app, ["analyze", "sample"]).output
    real = [line.rstrip() for line in shown.splitlines()]
    text = (ROOT / "README.md").read_text(encoding="utf-8").partition("$ fliptrace analyze sample\n")[2]
    excerpt = [line for line in text.partition("```text\n")[2].partition("```")[0].splitlines() if line != "..."]
    assert len(excerpt) == 9
    assert [line for line in excerpt if line not in real] == []


def test_the_pages_are_as_short_as_promised() -> None:
    words = {page: len((ROOT / page).read_text(encoding="utf-8").split()) for page in PAGES}
    assert words["README.md"] < 900
    assert sum(num for page, num in words.items() if page.startswith("docs/")) < 12_000


def links_of(page: str) -> list[str]:
    """The relative links of a page, without their anchors."""
    targets = re.findall(r"\]\(([^)\s]+)\)", (ROOT / page).read_text(encoding="utf-8"))
    return [target.partition("#")[0] for target in targets if not re.match(r"https?:|#|mailto:", target)]


def test_every_link_between_pages_leads_to_a_file() -> None:
    links = [(page, (ROOT / page).parent.joinpath(target).resolve()) for page in PAGES for target in links_of(page)]
    assert len(links) > 20
    if not is_shipped(EMBEDDED):
        come_with_it = {EMBEDDED.resolve() / "MODEL_CARD.md", ROOT / "docs" / "runs" / "reader.json"}
        links = [(page, path) for page, path in links if path not in come_with_it]
    assert [(page, path) for page, path in links if not path.exists()] == []


@pytest.mark.parametrize(
    "command",
    [
        "",
        "analyze",
        "cues",
        "data",
        "models",
        "models fetch",
        "doctor",
        "curate",
        "train",
        "predict",
        "score",
        "compare",
        "report",
        "show",
        "export",
        "export label-studio",
        "import",
        "import label-studio",
        "fake-provider",
        "reproduce",
        "serve",
    ],
)
def test_every_command_teaches_by_its_help(command: str) -> None:
    result = CliRunner().invoke(app, [*command.split(), "--help"])
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 8
