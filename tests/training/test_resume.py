"""A killed run resumes, and ends with exactly the files of an undisturbed run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from killed import MOMENTS, train_until
from tiny_runs import Recorder, files_of, make_cases, make_data, make_recipe, make_table, read_log, write_efr

from fliptrace.core.files import Json, read_json
from fliptrace.training.recipe import Recipe
from fliptrace.training.stages import train

RECIPE = make_recipe(tuning={"evals_per_epoch": 3, "batch_tokens": 512})
UNSEEN = make_recipe(tuning={"evals_per_epoch": 0, "saves_per_stage": 10, "batch_tokens": 512})
# The model cannot answer yet, so no evaluation beats the first one, and training stops after two more.
IMPATIENT = make_recipe(tuning={"evals_per_epoch": 4, "patience": 2, "learning_rate": 1e-5})


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    train(RECIPE, make_data(), folder, Recorder())
    return folder


def go_on(recipe: Recipe, folder: Path) -> Recorder:
    recorder = Recorder()
    train(recipe, make_data(), folder, recorder)
    return recorder


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_run_ends_as_an_undisturbed_one(moment: str, undisturbed: Path, tmp_path: Path) -> None:
    assert train_until(moment, RECIPE, tmp_path) == -signal.SIGKILL
    go_on(RECIPE, tmp_path)
    assert files_of(tmp_path) == files_of(undisturbed)


def test_a_run_killed_twice_ends_as_an_undisturbed_one(undisturbed: Path, tmp_path: Path) -> None:
    for moment in ("step 5 of chain", "half a step written", "step 2 of feedback"):
        assert train_until(moment, RECIPE, tmp_path) == -signal.SIGKILL
    go_on(RECIPE, tmp_path)
    assert files_of(tmp_path) == files_of(undisturbed)


def test_it_goes_on_from_the_last_whole_step(tmp_path: Path) -> None:
    train_until("step 5 of chain", RECIPE, tmp_path)
    [newest] = [int(path.name.rpartition("-")[2]) for path in (tmp_path / "1-chain" / "steps").iterdir()][-1:]
    assert 0 < newest < 5
    steps = go_on(RECIPE, tmp_path).of("step")
    assert steps[0][0] == newest + 1


@pytest.mark.parametrize("moment", ["trained but not saved", "step 3 of chain"])
def test_early_stopping_survives_a_kill(moment: str, tmp_path: Path) -> None:
    train(IMPATIENT, make_data(), tmp_path / "undisturbed", Recorder())
    evaluations = [row["step"] for row in read_log(tmp_path / "undisturbed") if "eval_trigger_f1" in row]
    last_planned = go_on_steps(IMPATIENT, tmp_path / "planned")
    assert evaluations[:3] == sorted(evaluations[:3]) and evaluations[2] < last_planned
    assert train_until(moment, IMPATIENT, tmp_path / "killed") == -signal.SIGKILL
    go_on(IMPATIENT, tmp_path / "killed")
    assert files_of(tmp_path / "killed") == files_of(tmp_path / "undisturbed")


def test_a_stage_without_evaluations_ends_at_its_last_step_and_goes_on_from_its_saves(tmp_path: Path) -> None:
    train(UNSEEN, make_data(), tmp_path / "undisturbed", Recorder())
    assert not any("eval_trigger_f1" in row for row in read_log(tmp_path / "undisturbed"))
    assert train_until("step 5 of chain", UNSEEN, tmp_path / "killed") == -signal.SIGKILL
    steps = go_on(UNSEEN, tmp_path / "killed").of("step")
    assert 1 < steps[0][0] <= 5
    assert files_of(tmp_path / "killed") == files_of(tmp_path / "undisturbed")


def go_on_steps(recipe: Recipe, folder: Path) -> int:
    """Train, and return the planned number of steps of the first stage."""
    recorder = Recorder()
    train(recipe, make_data(), folder, recorder)
    return int(recorder.of("step")[0][1])


def test_a_row_of_the_log_torn_by_a_kill_is_dropped(undisturbed: Path, tmp_path: Path) -> None:
    train_until("step 5 of chain", RECIPE, tmp_path)
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"stage": "chain", "step"')
    go_on(RECIPE, tmp_path)
    assert files_of(tmp_path) == files_of(undisturbed)


def test_a_killed_run_may_be_moved_before_it_goes_on(
    undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_until("trained but not saved", RECIPE, tmp_path / "old")
    (tmp_path / "old").rename(tmp_path / "new")
    monkeypatch.chdir(tmp_path)
    go_on(RECIPE, Path("new"))
    assert files_of(tmp_path / "new") == files_of(undisturbed)


@pytest.mark.slow
def test_the_command_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    write_efr(tmp_path / "train.json", make_cases(20))
    write_efr(tmp_path / "val.json", make_cases(6, "val"))
    (tmp_path / "recipe.toml").write_text(to_toml(make_table(name="killed")))
    fliptrace = [str(Path(sys.executable).with_name("fliptrace")), "train", "recipe.toml", "--out"]
    subprocess.run([*fliptrace, "whole"], cwd=tmp_path, check=True, capture_output=True)
    for num_rows in (2, 7):
        process = subprocess.Popen([*fliptrace, "killed"], cwd=tmp_path, stderr=subprocess.DEVNULL)
        while process.poll() is None and num_rows_of(tmp_path / "killed" / "log.jsonl") < num_rows:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    subprocess.run([*fliptrace, "killed"], cwd=tmp_path, check=True, capture_output=True)
    assert files_of(tmp_path / "killed") == files_of(tmp_path / "whole")
    assert read_json(tmp_path / "whole" / "scores.json")["recipe"] == "killed"


def num_rows_of(log: Path) -> int:
    return log.read_text().count("\n") if log.exists() else 0


def to_toml(table: Json) -> str:
    """Convert a table to TOML, with nested tables inline."""

    def inline(value: object) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{key} = {inline(item)}" for key, item in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(map(inline, value)) + "]"
        return {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)

    return "".join(f"{key} = {inline(value)}\n" for key, value in table.items())
