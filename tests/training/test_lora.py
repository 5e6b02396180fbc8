"""Adapters: trained, passed from stage to stage, and saved so that they find their base."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from tiny import save_tiny
from tiny_runs import GREEDY_ONLY, Recorder, files_of, make_data, make_recipe

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json, read_json, write_json
from fliptrace.core.messages import Message
from fliptrace.models.base import Decoding, Request
from fliptrace.models.local.loading import base_of, load_causal_lm, load_local
from fliptrace.models.local.model import LocalModel
from fliptrace.models.open_model import open_model
from fliptrace.training.base import load_parent
from fliptrace.training.dry_run import dry_run
from fliptrace.training.recipe import Recipe, override
from fliptrace.training.stages import train

STAGES = [
    {"name": "chain", "mixture": {"answer": 1}, "epochs": 1},
    {"name": "feedback", "mixture": {"answer": 0.5, "feedback": 1}, "epochs": 1},
]


def lora(between_stages: str = "continue", **more: object) -> Recipe:
    tuning: Json = {"method": "lora", "lora_rank": 4, "lora_alpha": 8, "between_stages": between_stages}
    return make_recipe(tuning=tuning | {"learning_rate": 1e-2} | more, stages=STAGES, evaluations=GREEDY_ONLY)


def run(folder: Path, recipe: Recipe) -> Path:
    train(recipe, make_data(), folder, Recorder())
    return folder


@pytest.fixture(scope="module")
def continued(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("continued") / "run", lora())


@pytest.fixture(scope="module")
def merged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("merged") / "run", lora("merge"))


def test_an_adapter_is_put_on_the_layers_that_the_recipe_names(tmp_path: Path) -> None:
    recipe = lora(lora_targets=["q_proj", "mlp.down_proj"])
    recipe = recipe.model_copy(update={"stages": recipe.stages[:1]})
    names = {
        name.split(".lora_")[0].rpartition(".")[2] for name in adapter_of(run(tmp_path / "run", recipe), "1-chain")
    }
    assert names == {"q_proj", "down_proj"}
    sizes = {name: tensor.numel() for name, tensor in adapter_of(tmp_path / "run", "1-chain").items()}
    assert dry_run(recipe, make_data()).memory.num_trainable == sum(sizes.values())


def test_a_layer_that_the_base_lacks_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    recipe = lora(lora_targets=["q_proj", "q_prj"])
    message = r"recipe tuning\.lora_targets: no layer 'q_prj'; the base has down_proj, .*q_proj"
    with pytest.raises(InputError, match=message):
        dry_run(recipe, make_data())
    base = override(recipe, base=str(save_tiny("llama", tmp_path / "base")), seed=None, device=None)
    recorder = Recorder()
    with pytest.raises(InputError, match=message):
        train(base, make_data(), tmp_path / "run", recorder)
    assert recorder.events == []


def adapter_of(run: Path, stage: str) -> dict[str, torch.Tensor]:
    return dict(load_file(run / stage / "checkpoint" / "adapter_model.safetensors"))


def test_the_adapter_of_one_stage_goes_on_in_the_next(continued: Path) -> None:
    parent = load_parent(lora().tuning, str(continued / "1-chain" / "checkpoint"), continued / "x", seed=9)
    trainable = {name: weight for name, weight in parent.model.named_parameters() if weight.requires_grad}
    saved = adapter_of(continued, "1-chain")
    assert len(saved) == len(trainable) > 0
    for name, weight in trainable.items():
        assert torch.equal(weight, saved[name.replace(".default", "")])
    assert not (continued / "2-feedback" / "base").exists()


def test_a_merged_adapter_is_the_base_of_a_new_one(merged: Path) -> None:
    base = merged / "2-feedback" / "base"
    assert (base / "config.json").exists() and not (base / "adapter_config.json").exists()
    assert Path(base_of(str(merged / "2-feedback" / "checkpoint"))).resolve() == base.resolve()
    prompt = Request("x", (Message("user", "who paid for this ticket"),))
    adapted = load_causal_lm(str(merged / "1-chain" / "checkpoint"), "fp32")
    tokenizer = load_local(str(base), device="cpu").chat_format.tokenizer
    assert isinstance(adapted, PeftModel)
    unmerged = LocalModel(adapted.get_base_model(), tokenizer, "unmerged").complete([prompt], Decoding())
    assert load_local(str(base), device="cpu").complete([prompt], Decoding()) == unmerged


@pytest.mark.parametrize("which", ["continued", "merged"])
def test_a_run_of_adapters_is_a_model_wherever_it_is_moved(
    which: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: Path = request.getfixturevalue(which)
    moved = Path(shutil.copytree(made, tmp_path / "moved"))
    config = read_json(moved / "2-feedback" / "checkpoint" / "adapter_config.json")
    wanted = "../../base" if which == "continued" else "../base"
    assert config["base_model_name_or_path"] == wanted
    requests = [Request("x", (Message("user", "who paid for this ticket"),))]
    before = load_local(str(made / "2-feedback" / "checkpoint"), device="cpu").complete(requests, Decoding())
    shutil.move(made, made.parent / "hidden")  # so that nothing can be loaded from it
    monkeypatch.chdir(tmp_path)
    try:
        opened = open_model("moved", "cpu")
        assert opened.model.writer.complete(requests, Decoding()) == before
    finally:
        shutil.move(made.parent / "hidden", made)


def test_a_moved_run_goes_on(continued: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = Path(shutil.copytree(continued, tmp_path / "moved"))
    wanted = files_of(moved)
    shutil.rmtree(moved / "2-feedback")
    rows = [line for line in (moved / "log.jsonl").read_text().splitlines(True) if '"feedback"' not in line]
    (moved / "log.jsonl").write_text("".join(rows))
    monkeypatch.chdir(tmp_path)
    run(Path("moved"), lora())
    assert files_of(moved) == wanted


def test_new_adapters_are_drawn_from_the_seed(continued: Path, tmp_path: Path) -> None:
    torch.manual_seed(123)  # earlier random draws in this process must not matter
    again = run(tmp_path / "again", lora())
    assert files_of(again) == files_of(continued)


def test_a_base_outside_of_the_run_is_named_in_full(tmp_path: Path) -> None:
    base = save_tiny("llama", tmp_path / "models" / "base")
    config = read_json(base / "config.json")
    write_json(base / "config.json", config | {"max_position_embeddings": 2048})  # few words in its vocabulary
    recipe = lora().model_copy(update={"base": lora().base.model_copy(update={"model": str(base), "scratch": None})})
    made = run(tmp_path / "run", recipe)
    for stage in ("1-chain", "2-feedback"):
        assert base_of(str(made / stage / "checkpoint")) == str(base)


def test_gradient_checkpointing_gives_the_same_adapter(continued: Path, tmp_path: Path) -> None:
    recipe = lora(gradient_checkpointing=True)
    parent = load_parent(recipe.tuning, str(continued / "base"), tmp_path, seed=0)
    assert any(getattr(module, "gradient_checkpointing", False) for module in parent.model.modules())
    made = run(tmp_path / "run", recipe)
    for stage in ("1-chain", "2-feedback"):
        wanted, found = adapter_of(continued, stage), adapter_of(made, stage)
        assert wanted.keys() == found.keys()
        for name in wanted:
            assert torch.allclose(found[name], wanted[name], atol=1e-5)


def test_dropout_is_off_unless_a_recipe_turns_it_on(continued: Path, tmp_path: Path) -> None:
    config = read_json(continued / "1-chain" / "checkpoint" / "adapter_config.json")
    assert config["lora_dropout"] == 0
    parent = load_parent(lora(lora_dropout=0.5).tuning, str(continued / "base"), tmp_path, seed=0)
    assert {m.p for m in parent.model.modules() if isinstance(m, torch.nn.Dropout)} == {0.5}


def test_what_generates_is_the_bare_model(continued: Path, tmp_path: Path) -> None:
    parent = load_parent(lora().tuning, str(continued / "base"), tmp_path, seed=0)
    assert isinstance(parent.model, PeftModel)
    assert type(parent.bare).__name__ == "LlamaForCausalLM"
    full = load_parent(make_recipe().tuning, str(continued / "base"), tmp_path, seed=0)
    assert full.bare is full.model


def test_an_adapter_learns(continued: Path) -> None:
    saved = adapter_of(continued, "1-chain")
    assert any(weight.abs().max() > 0 for name, weight in saved.items() if "lora_B" in name)
    assert any(not torch.equal(weight, saved[name]) for name, weight in adapter_of(continued, "2-feedback").items())


def test_in_bf16_the_frozen_base_is_bf16_and_the_adapter_fp32_and_learns_the_same(
    continued: Path, tmp_path: Path
) -> None:
    parent = load_parent(lora(precision="bf16").tuning, str(continued / "base"), tmp_path, seed=0)
    by_kind = {weight.requires_grad: weight.dtype for weight in parent.model.parameters()}
    assert by_kind == {False: torch.bfloat16, True: torch.float32}
    other = adapter_of(run(tmp_path / "bf16", lora(precision="bf16")), "1-chain")
    for name, weight in adapter_of(continued, "1-chain").items():
        assert weight.dtype == other[name].dtype == torch.float32
        cosine = torch.nn.functional.cosine_similarity(weight.flatten(), other[name].flatten(), dim=0)
        assert cosine > 0.8, name
