"""bench/batch.py: one row for each number of processes and conversations."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from shipped import needs_weights

from fliptrace.core.files import read_json

BENCH = Path(__file__).resolve().parents[2] / "bench" / "batch.py"


@needs_weights
def test_a_run_has_its_row(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    out = tmp_path / "batch.json"
    options = ["--sizes", "2", "--processes", "1", "--repeats", "1", "--out", str(out)]
    subprocess.run([sys.executable, str(BENCH), *options], check=True, capture_output=True)
    (row,) = read_json(out)["rows"]
    assert (row["num_conversations"], row["num_processes"], row["speedup"]) == (2, 1, 1)
    assert row["cpu_seconds"] > 0 and row["peak_bytes"] > 50e6
