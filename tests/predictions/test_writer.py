"""A file of predictions is written by one process at a time."""

from __future__ import annotations

from pathlib import Path

import pytest
from locked import held_by_another

from fliptrace.core.errors import RunError
from fliptrace.predictions.rows import Prediction
from fliptrace.predictions.writer import write_predictions


def test_a_file_that_another_process_writes_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "predictions.jsonl"
    with held_by_another(out), pytest.raises(RunError, match="is writing here"):
        write_predictions(out, {}, Prediction.from_json, lambda num_done: [])
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("predictions")] == []
