"""bench/analyze.py: the same text for all arms, and a process for each run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from shipped import needs_weights

from fliptrace.core.files import read_json

BENCH = Path(__file__).resolve().parents[2] / "bench" / "analyze.py"


@needs_weights
def test_a_run_is_a_process_of_its_own_and_its_rows_are_written(tmp_path: Path) -> None:
    out = tmp_path / "analyze.json"
    options = ["--model", "rule:previous", "--arms", "fliptrace", "--sizes", "4", "--repeats", "1", "--out", str(out)]
    done = subprocess.run([sys.executable, str(BENCH), *options], capture_output=True, text=True)
    assert done.returncode == 1 and "reads no text" in done.stderr  # the command's own error is shown
    options[1] = "embedded"
    done = subprocess.run([sys.executable, str(BENCH), *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = read_json(out)
    [row] = found["rows"]
    assert (row["arm"], row["num_utterances"], found["model"]) == ("fliptrace", 4, "embedded")
    assert row["cpu_seconds"] > 0 and row["peak_bytes"] > 50e6
