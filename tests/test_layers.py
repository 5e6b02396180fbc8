"""The contracts on imports in pyproject.toml hold, and they fail where a violation is planted."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "fliptrace"
HEAVY = (
    "torch",
    "transformers",
    "sklearn",
    "scipy",
    "statsmodels",
    "matplotlib",
    "pandas",
    "onnx",
    "onnxruntime",
    "librosa",
)


def lint(source: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    """The contracts of pyproject.toml, checked on the package below `source`."""
    command = ["lint-imports", "--config", str(ROOT / "pyproject.toml"), "--cache-dir", str(cache)]
    script = "import sys; from importlinter.cli import lint_imports_command; lint_imports_command(sys.argv[1:])"
    environment = os.environ | {"PYTHONPATH": str(source), "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-c", script, *command[1:]], capture_output=True, text=True, cwd=source, env=environment
    )


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A source folder with a copy of the package's modules, to plant violations in."""
    shutil.copytree(PACKAGE, tmp_path / "fliptrace", ignore=shutil.ignore_patterns("embedded", "sample", "templates"))
    return tmp_path


def test_the_contracts_on_imports_hold(tmp_path: Path) -> None:
    done = lint(ROOT / "src", tmp_path)
    assert "Contracts: 6 kept, 0 broken." in done.stdout, done.stdout
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("module", "line", "told"),
    [
        ("core/voting.py", "from fliptrace.prompts.views import View", "fliptrace.core is not allowed to import"),
        ("core/files.py", "def late() -> None:\n    import fliptrace.models.rules", "fliptrace.core is not allowed"),
        ("inference/triggers.py", "import fliptrace.scoring.scores", "fliptrace.inference is not allowed to import"),
        ("report/run/charts.py", "import fliptrace.report.study.page", "fliptrace.report.run is not allowed to import"),
        ("study/plan.py", "import fliptrace.study.evidence.table", "fliptrace.study.plan is not allowed to import"),
        (
            "server/storage/jobs.py",
            "import fliptrace.server.web.gate",
            "fliptrace.server.storage is not allowed",
        ),
        ("server/web/jobs.py", "import fliptrace.models.open_model", "fliptrace.server.web is not allowed to import"),
        ("analysis/values.py", "import fliptrace.analysis.page", "No cycles are allowed in fliptrace.analysis"),
        ("helpers.py", "", "fliptrace.helpers"),  # a module at the root, outside of every room
    ],
)
def test_a_planted_violation_is_found(copied: Path, module: str, line: str, told: str) -> None:
    with (copied / "fliptrace" / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    done = lint(copied, copied / "cache")
    assert done.returncode != 0
    assert told in done.stdout, done.stdout


@pytest.mark.parametrize(
    "module", ["fliptrace", "fliptrace.cli.main", "fliptrace.inference.triggers", "fliptrace.curate.files"]
)
def test_nothing_heavy_is_imported_before_it_is_needed(module: str) -> None:
    code = f"import sys, {module}; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_nothing_lies_loose_at_the_root_but_the_public_face() -> None:
    assert {path.name for path in PACKAGE.glob("*.py")} == {"__init__.py", "api.py"}
