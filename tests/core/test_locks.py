"""Two processes never write one folder or file."""

from __future__ import annotations

from pathlib import Path

import pytest
from locked import held_by_another

from fliptrace.core.errors import RunError
from fliptrace.core.locks import sole_writer


def test_a_second_writer_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    with held_by_another(tmp_path) as first:
        told = rf"another process \({first.pid} on .*is writing here.*another --out"
        with pytest.raises(RunError, match=told), sole_writer(tmp_path):
            pass


def test_a_killed_writer_holds_nothing(tmp_path: Path) -> None:
    with held_by_another(tmp_path) as first:
        pass
    left = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert left.keys() == {".lock", ".lock.process"} and str(first.pid) in left[".lock.process"]
    with sole_writer(tmp_path):
        pass
    with held_by_another(tmp_path) as second:  # the dead one is not taken for the one that holds it now
        told = rf"another process \({second.pid} on "
        with pytest.raises(RunError, match=told), sole_writer(tmp_path):
            pass


def test_a_writer_leaves_no_lock_behind(tmp_path: Path) -> None:
    file = tmp_path / "new" / "predictions.jsonl"
    with sole_writer(file), sole_writer(tmp_path / "other.jsonl"):
        assert any(file.parent.iterdir())
    assert not any(file.parent.iterdir()) and [path.name for path in tmp_path.iterdir()] == ["new"]


@pytest.mark.parametrize("name", [".lock", ".lock.process"])
def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path, name: str) -> None:
    run, other = tmp_path / "run", tmp_path / "other"
    run.mkdir()
    other.write_text("precious")
    (run / name).symlink_to(other)
    with pytest.raises(RunError, match=rf"run/{name}: a link or a folder"), sole_writer(run):
        pass
    assert other.read_text() == "precious"
