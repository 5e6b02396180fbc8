from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder with the datasets; tests that need it are skipped where there is none."""
    root = Path(os.environ.get("FLIPTRACE_DATA", Path(__file__).parents[3] / "shared" / "data"))
    if not root.is_dir():
        pytest.skip(f"no datasets under {root}; set FLIPTRACE_DATA to their folder")
    return root
