"""Recipes: every key is known and typed, and errors name the place."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from tiny_runs import TABLE, make_recipe, make_table, one_stage

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json, read_json
from fliptrace.training.base import scratch_spec
from fliptrace.training.recipe import Recipe, override, parse_recipe, read_recipe
from fliptrace.training.recipe_changes import differences

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.toml"))
SHIPPED = {
    "demo",
    "gpt-oss-lora",
    "hosted",
    "hosted-demo",
    "llama-lora",
    "lora-check",
    "mini-masac",
    "mini-meld",
    "qwen-lora",
}


def test_the_shipped_recipes_are_there() -> None:
    assert {path.stem for path in RECIPES} >= SHIPPED


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_shipped_recipe_parses_and_goes_by_the_name_of_its_file(path: Path) -> None:
    recipe = read_recipe(path)
    assert recipe.name == path.stem
    assert [recipe.inference_config(name).layout for name in recipe.evaluations] == [recipe.layout] * len(
        recipe.evaluations
    )
    if recipe.base.scratch:
        assert scratch_spec(recipe.base.scratch).num_parameters() > 0


def put(table: Json, place: str, value: object) -> Json:
    """Set a value at a place such as `stages.1.name` and return the table."""
    *steps, last = place.split(".")
    part: Any = table
    for step in steps:
        part = part[int(step) if isinstance(part, list) else step]
    part[int(last) if isinstance(part, list) else last] = value
    return table


@pytest.mark.parametrize(
    "place, nearest",
    [
        ("sede", "seed"),
        ("stage", "stages"),
        ("data.trian", "train"),
        ("data.max_train_case", "max_train_cases"),
        ("base.modle", "model"),
        ("base.scratch.hiden_size", "hidden_size"),
        ("prompt.windows", "window"),
        ("curate.heldout", "held_out"),
        ("tuning.learningrate", "learning_rate"),
        ("stages.1.epoch", "epochs"),
        ("evaluations.greedy.max_tokens", "max_new_tokens"),
        ("evaluations.k3.sample", "samples"),
    ],
)
def test_an_unknown_key_names_the_nearest_known_one(place: str, nearest: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_recipe(put(make_table(), place, 1), "x.toml")
    assert str(caught.value) == f"x.toml: {place}: unknown key; did you mean {nearest!r}?"


def test_an_unknown_key_near_to_nothing_names_what_there_is() -> None:
    with pytest.raises(InputError, match=r"prompt\.x: unknown key; known are layout, window, max_words, reach"):
        parse_recipe(put(make_table(), "prompt.x", "red"), "x.toml")


@pytest.mark.parametrize("name", ["ask", "judge", "data", "scratch"])
def test_an_evaluation_may_have_the_name_of_a_key(name: str) -> None:
    table = make_table(evaluations={name: {"max_new_tokens": 8, "sample": 2}})
    with pytest.raises(InputError, match=rf"evaluations\.{name}\.sample: unknown key; did you mean 'samples'"):
        parse_recipe(table, "x.toml")


@pytest.mark.parametrize(
    "place, value, message",
    [
        ("seed", "one", "seed: Input should be a valid integer, found 'one'"),
        ("seed", "0", "seed: Input should be a valid integer, found '0'"),
        ("seed", True, "seed: Input should be a valid integer, found True"),
        ("seed", 0.0, "seed: Input should be a valid integer, found 0.0"),
        ("tuning.learning_rate", "1e-4", "tuning.learning_rate: Input should be a valid number, found '1e-4'"),
        ("tuning.gradient_checkpointing", 1, "tuning.gradient_checkpointing: Input should be a valid boolean, found 1"),
        ("evaluations.greedy.judge", "no", "evaluations.greedy.judge: Input should be a valid boolean, found 'no'"),
        ("tuning.device", 0, "tuning.device: Input should be a valid string, found 0"),
        ("tuning.lora_targets", [], "tuning.lora_targets: List should have at least 1 item"),
        ("name", "a b", "name: String should match"),
        ("data.train", "train.json", "data.train: Input should be a valid list"),
        ("data.val", [], "data.val: List should have at least 1 item"),
        ("data.resplit", 1.0, "data.resplit: Input should be less than 1"),
        ("base.scratch.num_layers", 0, "base.scratch.num_layers: Input should be greater than or equal to 1"),
        ("base.model", "Qwen/Qwen3-0.6B", "base: model = 'scratch' requires a table [base.scratch]"),
        ("prompt.layout", "windows", "prompt.layout: Input should be 'dialogue', 'shared' or 'window'"),
        ("curate.own_temperature", 0, "curate.own_temperature: Input should be greater than 0"),
        ("tuning.learning_rate", -1, "tuning.learning_rate: Input should be greater than 0"),
        ("tuning.method", "qlora", "tuning.method: Input should be 'full' or 'lora'"),
        ("tuning.precision", "fp16", "tuning.precision: 'fp16' overflows in training without loss scaling"),
        ("tuning.precision", "fp8", "tuning.precision: Input should be 'auto', 'bf16' or 'fp32'"),
        ("tuning.quantize", "4bit", "tuning: quantize = '4bit' freezes the base; expected method = 'lora'"),
        ("stages.0.name", "Chain", "stages.0.name: String should match"),
        ("stages.1.mixture", {"chian": 1}, "stages.1.mixture.chian"),
        ("stages.1.mixture", {}, "stages.1.mixture: Dictionary should have at least 1 item"),
        ("stages.1.epochs", 0, "stages.1.epochs: Input should be greater than 0"),
        ("stages.1.name", "chain", "stages: duplicate name in chain, chain, self-evaluation"),
        ("stages.0.mixture", {"feedback": 1}, "stages: 'chain' has no trained parent"),
        ("curate.held_out", 0, "curate.held_out: 0 leaves no cases for the own answers"),
        ("stages", [], "stages: List should have at least 1 item"),
        ("evaluations", {}, "evaluations: Dictionary should have at least 1 item"),
        ("evaluations.k3.top_p", 1.5, "evaluations.k3.top_p: Input should be less than or equal to 1"),
        *(
            (f"stages.1.{key}", math.inf, f"stages.1.{key}: Input should be a finite number")
            for key in ("epochs", "share")
        ),
        ("tuning.learning_rate", math.nan, "tuning.learning_rate: Input should be a finite number"),
        ("prompt.window", 1, "prompt.window: Input should be greater than or equal to 2"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(place: str, value: object, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_recipe(put(make_table(), place, value), "x.toml")
    assert f"{message}" in str(caught.value)
    assert str(caught.value).startswith("x.toml: ")


def test_all_that_is_wrong_is_named_at_once() -> None:
    table = put(put(make_table(), "seed", "one"), "prompt.windows", 3)
    with pytest.raises(InputError, match=r"seed: .*; prompt\.windows: unknown key"):
        parse_recipe(table, "x.toml")


@pytest.mark.parametrize("missing", ["name", "data", "base", "stages", "evaluations"])
def test_what_has_no_default_must_be_there(missing: str) -> None:
    table = make_table()
    del table[missing]
    with pytest.raises(InputError, match=f"x.toml: {missing}: Field required"):
        parse_recipe(table, "x.toml")


def test_a_locally_trained_base_needs_a_tuning() -> None:
    table = make_table()
    del table["tuning"]
    with pytest.raises(InputError, match=r"x.toml: .*no \[tuning\]; a locally trained base needs one"):
        parse_recipe(table, "x.toml")


def test_an_adapter_on_four_bits_cannot_be_merged() -> None:
    with pytest.raises(InputError, match="tuning: an adapter cannot be merged into a 4-bit base"):
        make_recipe(tuning={"method": "lora", "quantize": "auto", "between_stages": "merge"})


def test_own_answers_are_not_needed_to_hold_nothing_out() -> None:
    assert make_recipe(stages=one_stage(), curate={"held_out": 0}).curate.held_out == 0


def test_broken_toml_names_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_text('name = "x"\nseed = = 1\n')
    with pytest.raises(InputError, match=r"broken\.toml: not TOML: .*line 2"):
        read_recipe(path)


@pytest.mark.parametrize(
    "content", ["a = " + "[" * 2_000, "a = " + "9" * 5_000, "a" + ".a" * 5_000 + " = 1"], ids=["deep", "long", "dotted"]
)
def test_toml_made_to_break_the_parser_is_refused_in_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "hostile.toml").write_text(content)
    with pytest.raises(InputError, match=r"hostile\.toml: ") as caught:
        read_recipe(tmp_path / "hostile.toml")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


@pytest.mark.parametrize("name", ["../../x", "/tmp/x", "a/b", "a\\b", "..", "", "x" * 200, "C:x", "a\0b", "con\n"])
def test_a_name_that_leads_out_of_the_run_folder_is_refused(name: str) -> None:
    table = make_table()
    table["evaluations"][name] = {"decode": "greedy"}
    with pytest.raises(InputError, match="cannot be the name of a file; expected at most 100 letters"):
        parse_recipe(table, "x.toml")


@pytest.mark.parametrize("place", ["name", "stages.0.name"])
@pytest.mark.parametrize("name", ["../x", "a/b", "", ".", "a" * 101])
def test_a_run_or_a_stage_has_the_name_of_a_file(place: str, name: str) -> None:
    with pytest.raises(InputError, match=f"{place}: String should"):
        parse_recipe(put(make_table(), place, name), "x.toml")


def test_a_recipe_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.toml: no such file"):
        read_recipe(tmp_path / "none.toml")


def test_a_recipe_survives_json() -> None:
    recipe = make_recipe()
    assert parse_recipe(recipe.to_json(), "json") == recipe
    assert parse_recipe(recipe.to_json(), "json").digest == recipe.digest


def test_differences_list_what_changed_a_line_a_key() -> None:
    old = make_recipe()
    new = make_recipe(seed=3, tuning={"learning_rate": 1e-3}, evaluations={"greedy": {"max_new_tokens": 9}})
    assert differences(old.to_json(), new.to_json()) == [
        "evaluations.greedy.max_new_tokens: 8 -> 9",
        "seed: 0 -> 3",
        "tuning.learning_rate: 0.005 -> 0.001",
    ]
    assert differences(old.to_json(), old.to_json()) == []


def test_differences_name_the_stage_that_changed() -> None:
    old, new = make_recipe().to_json(), make_recipe().to_json()
    new["stages"][1]["epochs"] = 7
    assert differences(old, new) == ["stages.1.epochs: 1.0 -> 7"]
    del new["stages"][2]
    assert differences(old, new)[1].startswith("stages.2: {'name': 'self-evaluation'")


def test_a_command_line_changes_base_seed_and_device_alone() -> None:
    recipe = make_recipe()
    changed = override(recipe, base="somewhere/else", seed=5, device="cuda:1")
    assert (changed.base.model, changed.base.scratch) == ("somewhere/else", None)
    assert (changed.seed, changed.tuning.device) == (5, "cuda:1")
    assert {line.split(".")[0].split(":")[0] for line in differences(recipe.to_json(), changed.to_json())} == {
        "base",
        "seed",
        "tuning",
    }
    assert override(recipe, base=None, seed=None, device=None) == recipe


@pytest.mark.parametrize("name, kind, num_samples", [("greedy", "greedy", 1), ("k3", "sample", 3)])
def test_an_evaluation_is_greedy_unless_it_draws_several(name: str, kind: str, num_samples: int) -> None:
    decoding = make_recipe().inference_config(name).decoding
    assert (decoding.kind, decoding.num_samples) == (kind, num_samples)
    assert decoding.max_new_tokens == 8


def test_a_recipe_does_not_change() -> None:
    recipe = Recipe.model_validate(TABLE)
    with pytest.raises(ValueError, match="frozen"):
        recipe.seed = 1


def test_a_recipe_of_version_0_1_calls_its_evaluations_readings_and_keeps_its_hash() -> None:
    table = make_table()
    old = {("readings" if key == "evaluations" else key): value for key, value in table.items()}
    assert parse_recipe(old, "old.toml") == parse_recipe(table, "new.toml")
    assert parse_recipe(old, "old.toml").digest == parse_recipe(table, "new.toml").digest
    assert "readings" not in parse_recipe(old, "old.toml").to_json()


def test_an_error_below_the_old_key_names_its_place() -> None:
    old = make_table() | {"readings": {"greedy": {"sampels": 3}}}
    del old["evaluations"]
    with pytest.raises(InputError, match=r"readings\.greedy\.sampels: unknown key; did you mean 'samples'"):
        parse_recipe(old, "old.toml")


def test_the_hash_of_a_shipped_recipe_is_that_of_its_kept_stages() -> None:
    recipes = Path(__file__).parents[2] / "recipes"
    manifest = read_json(recipes / "smol" / "manifest.json")
    assert read_recipe(recipes / "smol.toml").digest == manifest["recipe_hash"]


def test_a_file_larger_than_any_recipe_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"#" * 1_000_001)
    with pytest.raises(InputError, match=r"a\.toml: more than 1,000,000 bytes; expected a recipe or a study"):
        read_recipe(tmp_path / "a.toml")
