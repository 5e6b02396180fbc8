"""`fliptrace train` with the recipe of an encoder model: counted, trained, scored beside the rules, used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny import save_encoder
from typer.testing import CliRunner, Result

from fliptrace.cli.main import app
from fliptrace.core.errors import InputError, RunError
from fliptrace.core.locks import sole_writer
from fliptrace.report.run.toml_text import to_toml
from fliptrace.training.encoder.recipe import is_encoder_recipe, read_encoder_recipe

RECIPES = Path(__file__).parents[2] / "recipes"


def run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(app, [*map(str, arguments)])
    assert result.exit_code == 0, (arguments, result.output, result.exception)
    return result


def write_recipe(folder: Path) -> Path:
    table = {
        "name": "tiny",
        "data": {"train": ["sample:train"], "val": ["sample:val"]},
        "base": {"model": str(save_encoder(folder / "base")), "max_tokens": 24},
        "layers": {"width": 16, "num_layers": 1, "num_heads": 2, "trigger_width": 16, "window": 6},
        "fit": {"layer_epochs": 1, "epochs": 0},
    }
    (folder / "tiny.toml").write_text(to_toml(table))
    return folder / "tiny.toml"


def test_an_encoder_model_is_trained_measured_and_used(tmp_path: Path) -> None:
    recipe, out = write_recipe(tmp_path), tmp_path / "run"
    counts = json.loads(run("train", recipe, "--out", out, "--dry-run", "--json").stdout)
    assert counts["steps_of_the_layers"] > 0 == counts["steps_of_everything"]
    assert counts["distinct_texts"] <= counts["utterances"] and not out.exists()
    scores = json.loads(run("train", recipe, "--out", out, "--json").stdout)
    assert scores == json.loads((out / "scores.json").read_text())
    triggers = scores["triggers"]
    assert 0 < triggers["trigger_f1"] < 1 and "previous" in triggers["baselines"]
    scored = json.loads(run("score", out / "predictions" / "triggers.jsonl", "--json").stdout)
    assert scored["trigger_f1"] == triggers["trigger_f1"]
    analysis = json.loads(run("analyze", "sample", "--model", out, "--json").stdout)
    assert len(analysis["utterances"]) == 24
    refused = CliRunner().invoke(app, ["train", str(recipe), "--out", str(out), "--seed", "1"])
    assert isinstance(refused.exception, RunError) and "recipe.seed: 0 -> 1" in str(refused.exception)


def test_a_file_to_tune_on_that_is_none_of_the_emotions_is_named_with_its_place(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path)
    recipe.write_text(recipe.read_text().replace("epochs = 0", 'epochs = 0\ntuned_on = ["meld:tain"]'))
    with pytest.raises(
        InputError, match=r"tiny\.toml: .*fit\.tuned_on: found 'meld:tain', expected files of data\.emot"
    ):
        read_encoder_recipe(recipe)


def test_a_second_process_may_not_train_in_the_same_folder(tmp_path: Path) -> None:
    recipe, out = write_recipe(tmp_path), tmp_path / "run"
    out.mkdir()
    with sole_writer(out):
        refused = CliRunner().invoke(app, ["train", str(recipe), "--out", str(out)])
    assert isinstance(refused.exception, RunError) and "is writing here" in str(refused.exception)
    assert not (out / "begun.json").exists()


@pytest.mark.parametrize("path", sorted((RECIPES / "encoder").glob("*.toml")), ids=lambda path: path.stem)
def test_recipes_are_told_apart(path: Path) -> None:
    assert is_encoder_recipe(path) and read_encoder_recipe(path).name == path.stem
    assert not is_encoder_recipe(RECIPES / "demo.toml")
