"""Finished stages are kept in the repository, and a run on another machine goes on from them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_adapters import TUNING, make_base
from tiny_runs import GREEDY_ONLY, Recorder, make_data, make_recipe

from fliptrace.core.errors import InputError
from fliptrace.core.files import read_json
from fliptrace.training.recipe import Recipe
from fliptrace.training.stages import train
from tools.smol.stages import keep, restore

CHAIN = {"name": "chain", "mixture": {"answer": 1}, "epochs": 1}
MORE = {"name": "more", "mixture": {"answer": 1}, "epochs": 1}


def recipe_on(base: Path, *stages: dict[str, object]) -> Recipe:
    table = {"tuning": TUNING, "stages": list(stages), "evaluations": GREEDY_ONLY}
    return make_recipe(**table, base={"model": str(base), "scratch": None})


def test_a_run_goes_on_from_the_stages_that_are_kept(tmp_path: Path) -> None:
    base = make_base(tmp_path / "base")
    train(recipe_on(base, CHAIN), make_data(), tmp_path / "run", Recorder())
    keep(tmp_path / "run", tmp_path / "kept")
    for stage in (tmp_path / "kept").glob("*-*/"):
        assert read_json(stage / "preflight.json")["samples"] == {}  # they may quote the corpora
    assert not list((tmp_path / "kept").rglob("*.jsonl"))  # they hold the text of corpora
    kept = load_file(tmp_path / "kept" / "1-chain" / "checkpoint" / "adapter_model.safetensors")
    for name, weight in load_file(tmp_path / "run" / "1-chain" / "checkpoint" / "adapter_model.safetensors").items():
        assert kept[name].dtype == torch.float16 and torch.equal(kept[name], weight.to(torch.float16))
    restore(tmp_path / "other", tmp_path / "kept")
    recorder = Recorder()
    train(recipe_on(base, CHAIN, MORE), make_data(), tmp_path / "other", recorder)
    assert recorder.of("begins") == [("more",)]
    keep(tmp_path / "other", tmp_path / "kept")
    assert [stage["name"] for stage in read_json(tmp_path / "kept" / "manifest.json")["recipe"]["stages"]] == [
        "chain",
        "more",
    ]


def test_a_run_without_a_finished_stage_is_not_kept(tmp_path: Path) -> None:
    base = make_base(tmp_path / "base")
    train(recipe_on(base, CHAIN), make_data(), tmp_path / "run", Recorder())
    (tmp_path / "run" / "1-chain" / "stage.json").unlink()
    with pytest.raises(InputError, match="no stage"):
        keep(tmp_path / "run", tmp_path / "kept")


def test_without_kept_stages_nothing_is_restored(tmp_path: Path) -> None:
    restore(tmp_path / "run", tmp_path / "kept")
    assert not (tmp_path / "run").exists()
