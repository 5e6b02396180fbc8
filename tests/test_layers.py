"""The house: every module has its level and imports from below, or from its own folder on its own level."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

SOURCE = Path(__file__).parents[1] / "src"
PACKAGE = SOURCE / "fliptrace"

# By the first name below fliptrace, a module or a folder; cli_data and the like are where cli is.
LEVELS = {
    name: level
    for level, names in enumerate(
        [
            "dialogue emotions errors",
            "flips voting store messages predictions predictions_unified row_fields rules",
            "corpora prompts models scoring",
            "transcripts curate checkpoints model_refs label_emotions exact "
            "predict predict_tasks prediction_files classical unified export_semeval weighed_samples",
            "training analysis fake_provider",
            "study",
            "report",
            "api cli console server web __init__ __main__",
        ]
    )
    for name in names.split()
}
HEAVY = ("torch", "transformers", "sklearn", "scipy", "statsmodels", "matplotlib", "pandas", "onnx", "onnxruntime")


class Import(NamedTuple):
    """A module, from "fliptrace" on, and one that it imports."""

    importer: str
    imported: str
    line: int


def find_imports(source: Path) -> Iterator[Import]:
    """Imports of fliptrace anywhere in the modules under `source`, those inside functions too."""
    modules = {_name(path, source): path for path in sorted(source.rglob("*.py"))}
    for name, path in modules.items():
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            for imported in _imported(node, package, set(modules)):
                if imported.split(".")[0] == "fliptrace":
                    yield Import(name, imported, getattr(node, "lineno", 0))


def find_violations(source: Path) -> list[str]:
    """What goes up, or sideways into another folder; and what has no level."""
    return [
        f"{importer} line {line} imports {imported}"
        for importer, imported, line in find_imports(source)
        if _level(importer) < _level(imported)
        or (_level(importer) == _level(imported) and _folder(importer) != _folder(imported))
    ]


def _name(path: Path, source: Path) -> str:
    parts = path.relative_to(source).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(node: ast.AST, package: str, modules: set[str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
        base = ".".join([*above, *([node.module] if node.module else [])])
        for alias in node.names:
            yield f"{base}.{alias.name}" if f"{base}.{alias.name}" in modules else base


def _top(module: str) -> str:
    return [*module.split("."), "__init__"][1]


def _level(module: str) -> int:
    name = "cli" if _top(module).startswith("cli_") else _top(module)
    assert name in LEVELS, f"{module} has no level: give it one here"
    return LEVELS[name]


def _folder(module: str) -> str:
    """Modules right under fliptrace share a folder; each package below is one."""
    return _top(module) if (PACKAGE / _top(module)).is_dir() else ""


def test_imports_go_down_or_stay_in_their_folder() -> None:
    assert find_violations(SOURCE) == []


def test_every_module_is_looked_at() -> None:
    importers = {found.importer for found in find_imports(SOURCE)}
    assert len(list(PACKAGE.rglob("*.py"))) >= 80
    assert len(importers) >= 60


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("voting", "from fliptrace.prompts.views import View"),
        ("voting", "def late():\n    import fliptrace.inference.triggers"),
        ("voting", "from fliptrace import cli"),
        ("voting", "from . import predict"),
        ("prompts.views", "from fliptrace.models.base import Request"),
        ("prompts.views", "from ..models import base"),
        ("curate.files", "from fliptrace.inference.triggers import Reading"),
        ("training.local", "from fliptrace.report import pictures"),
        ("dialogue", "import fliptrace"),
    ],
)
def test_a_planted_violation_is_found(tmp_path: Path, module: str, line: str) -> None:
    copy = _plant(tmp_path, module, line)
    assert len(find_violations(copy)) == 1


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("predict", "from fliptrace.core.voting import vote"),
        ("prompts.views", "from fliptrace.prompts import answers"),
        ("predict", "from fliptrace.models.checkpoints import Habits"),
        ("voting", "import torch"),  # heavy, but not of this house
    ],
)
def test_what_is_allowed_is_no_violation(tmp_path: Path, module: str, line: str) -> None:
    assert find_violations(_plant(tmp_path, module, line)) == []


def test_a_module_without_a_level_is_told(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"fliptrace\.helpers has no level"):
        find_violations(_plant(tmp_path, "helpers", "from fliptrace.core.voting import vote"))


@pytest.mark.parametrize(
    "module", ["fliptrace", "fliptrace.cli.main", "fliptrace.inference.triggers", "fliptrace.curate.files"]
)
def test_nothing_heavy_is_imported_before_it_is_needed(module: str) -> None:
    if module == "fliptrace.cli.main" and not (PACKAGE / "cli/main.py").exists():
        pytest.skip("there is no command yet")
    code = f"import sys, {module}; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _plant(folder: Path, module: str, line: str) -> Path:
    """A source folder with the modules of this test, all empty but one."""
    names = ["voting", "predict", "cli", "checkpoints", "dialogue", "prompts.views", "prompts.answers", "models.base"]
    for name in (*names, "curate.files", "training.local", "report.pictures", module):
        path = folder / "fliptrace" / f"{name.replace('.', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        for package in (path.parent, folder / "fliptrace"):
            (package / "__init__.py").touch()
    (folder / "fliptrace" / f"{module.replace('.', '/')}.py").write_text(line, encoding="utf-8")
    return folder
