"""Dry runs: the cost of a recipe, estimated from the architecture without any weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tiny import CHATML, FAMILIES, make_tokenizer
from tiny_runs import GREEDY_ONLY, Recorder, make_cases, make_data, make_recipe, one_stage
from transformers import AutoModelForCausalLM, BloomConfig, FalconConfig, MptConfig

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json, read_json, write_json
from fliptrace.models.local.loading import load_causal_lm, quiet
from fliptrace.models.local.scratch import train_tokenizer
from fliptrace.training.base import is_mxfp4, quantizes, scratch_spec, with_new_adapter
from fliptrace.training.dry_run import DryRun, dry_run, shrink
from fliptrace.training.instruction_builder import InstructionBuilder
from fliptrace.training.recipe import Recipe, override, read_recipe
from fliptrace.training.stages import train

RECIPES = Path(__file__).parents[2] / "recipes"
BASES = {"qwen-lora": "qwen3", "llama-lora": "llama", "gpt-oss-lora": "gpt-oss"}


def save_base(family: str, folder: Path, **sizes: Any) -> Path:
    """Save a tiny model of an architecture, with a tokenizer for the words of the tests and a sufficient context."""
    words = train_tokenizer(InstructionBuilder(make_recipe(prompt={"layout": "dialogue"})).texts(make_cases(8)), SPEC)
    model_class, config_class, small = FAMILIES[family]
    config = config_class(vocab_size=len(words), **(small | {"max_position_embeddings": 4096} | sizes))
    with quiet():
        model_class(config).save_pretrained(folder)
        words.save_pretrained(folder)
    return folder


SPEC = scratch_spec(make_recipe().base.scratch)  # type: ignore[arg-type]


def shipped(name: str, base: Path) -> Recipe:
    return override(read_recipe(RECIPES / f"{name}.toml"), base=str(base), seed=None, device="cpu")


def look(name: str, folder: Path) -> DryRun:
    return dry_run(shipped(name, save_base(BASES[name], folder)), make_data())


@pytest.mark.parametrize("name", BASES)
def test_a_shipped_recipe_steps_once_on_its_architecture(name: str, tmp_path: Path) -> None:
    cost = look(name, tmp_path / "base")
    architecture = FAMILIES[BASES[name]][0].__name__
    assert cost.step.architecture == architecture
    assert 0 < cost.step.loss < 20 and 0 < cost.step.gradient_norm < 1e3
    assert [stage.name for stage in cost.stages] == ["chain", "feedback", "self-evaluation"]
    for stage in cost.stages:
        assert stage.num_dropped == 0
        assert 0 < stage.num_trained_tokens < stage.num_tokens
        assert stage.num_steps >= 1 and stage.num_rows > 5


@pytest.mark.parametrize("name", BASES)
def test_parameters_are_those_of_the_real_model_and_its_adapter(name: str, tmp_path: Path) -> None:
    cost = look(name, tmp_path / "base")
    model = load_causal_lm(str(tmp_path / "base"))
    assert cost.memory.num_parameters == sum(weight.numel() for weight in model.parameters())
    adapted = with_new_adapter(model, shipped(name, tmp_path / "base").tuning, seed=0)
    trainable = sum(weight.numel() for weight in adapted.parameters() if weight.requires_grad)
    assert cost.memory.num_trainable == trainable > 0
    assert cost.memory.weights >= 2 * cost.memory.num_parameters
    assert cost.memory.gradients_and_optimizer == 12 * trainable
    assert cost.to_json()["memory"]["total"] == cost.memory.total > cost.memory.weights


# The sizes in the Hub's config.json of the three bases, and their real numbers of parameters.
REAL_SIZES: dict[str, tuple[Json, int]] = {
    "qwen-lora": (
        {
            "vocab_size": 151_936,
            "hidden_size": 2560,
            "intermediate_size": 9728,
            "num_hidden_layers": 36,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "tie_word_embeddings": True,
        },
        4_022_468_096,
    ),
    "llama-lora": (
        {
            "vocab_size": 128_256,
            "hidden_size": 4096,
            "intermediate_size": 14_336,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
        },
        8_030_261_248,
    ),
    "gpt-oss-lora": (
        {
            "vocab_size": 201_088,
            "hidden_size": 2880,
            "intermediate_size": 2880,
            "num_hidden_layers": 24,
            "num_attention_heads": 64,
            "num_key_value_heads": 8,
            "head_dim": 64,
            "num_local_experts": 32,
            "num_experts_per_tok": 4,
            "layer_types": ["sliding_attention", "full_attention"] * 12,
        },
        20_914_757_184,
    ),
}


@pytest.mark.parametrize("name", REAL_SIZES)
def test_a_model_of_billions_is_costed_in_seconds(name: str, tmp_path: Path) -> None:
    sizes, num_parameters = REAL_SIZES[name]
    base = save_base(BASES[name], tmp_path)
    model_class, config_class, _ = FAMILIES[BASES[name]]
    config_class(architectures=[model_class.__name__], max_position_embeddings=4096, **sizes).save_pretrained(base)
    recipe = shipped(name, base)
    in_bf16 = recipe.model_copy(update={"tuning": recipe.tuning.model_copy(update={"precision": "bf16"})})
    memory = dry_run(in_bf16, make_data()).memory
    assert memory.num_parameters == num_parameters
    assert memory.weights == pytest.approx(2 * num_parameters, rel=0.02)
    assert 0.0001 < memory.num_trainable / num_parameters < 0.01
    assert memory.weights < memory.total < 2 * memory.weights


def test_the_counts_are_those_of_the_run(tmp_path: Path) -> None:
    recipe = make_recipe()
    cost = dry_run(recipe, make_data())
    recorder = Recorder()
    train(recipe, make_data(), tmp_path, recorder)
    first, planned = recorder.preflights[0], cost.stages[0]
    assert (planned.num_rows, planned.num_tokens, planned.num_trained_tokens) == (
        first.num_rows,
        first.num_tokens,
        first.num_trained_tokens,
    )
    assert planned.num_steps == recorder.of("step")[0][1]
    parameters = load_causal_lm(str(tmp_path / "base")).parameters()
    assert cost.memory.num_parameters == cost.memory.num_trainable == sum(weight.numel() for weight in parameters)
    assert cost.memory.weights == 4 * cost.memory.num_parameters


def test_a_short_context_cuts_views_in_a_dry_run_as_in_a_run(tmp_path: Path) -> None:
    scratch: Json = make_recipe().to_json()["base"]["scratch"] | {"max_position_embeddings": 288}
    recipe = make_recipe(base={"model": "scratch", "scratch": scratch}, prompt={"window": 8, "max_words": 20})
    recorder = Recorder()
    cost = dry_run(recipe, make_data())
    train(recipe, make_data(), tmp_path, recorder)
    assert recorder.preflights[0].num_cut_views > 0
    assert cost.stages[0].num_rows == recorder.preflights[0].num_rows
    assert cost.stages[0].num_tokens == recorder.preflights[0].num_tokens


@pytest.mark.parametrize("family", FAMILIES)
def test_a_shrunken_model_is_small_and_of_the_same_architecture(family: str) -> None:
    _, config_class, small = FAMILIES[family]
    wide = {"hidden_size": 512, "num_hidden_layers": 8, "num_attention_heads": 16, "intermediate_size": 2048}
    layers = {"layer_types": ["full_attention"] * 8} if "layer_types" in small else {}
    config = config_class(vocab_size=500, **({"n_embd": 512, "n_layer": 8} if family == "gpt2" else wide | layers))
    model = AutoModelForCausalLM.from_config(shrink(config))
    assert isinstance(model, FAMILIES[family][0])
    assert sum(weight.numel() for weight in model.parameters()) < 1_000_000
    assert config.num_hidden_layers == 8, "the config itself stays as it is"
    assert torch.isfinite(model(input_ids=torch.tensor([[1, 2, 3]])).logits).all()


@pytest.mark.parametrize("name", ["Bloom", "DeepseekV3", "Falcon", "GPTJ", "Mpt", "OPT", "Phi"])
def test_other_architectures_shrink_too(name: str) -> None:
    with quiet():
        config = getattr(transformers, f"{name}Config")(vocab_size=500, bos_token_id=0, eos_token_id=0, pad_token_id=0)
        model = AutoModelForCausalLM.from_config(shrink(config))
    assert sum(weight.numel() for weight in model.parameters()) < 10_000_000
    assert torch.isfinite(model(input_ids=torch.tensor([[1, 2, 3]])).logits).all()


def test_a_base_packed_in_mxfp4_counts_as_bf16_and_is_not_quantized_again(tmp_path: Path) -> None:
    base = save_base("gpt-oss", tmp_path / "base")
    config = read_json(base / "config.json")
    write_json(base / "config.json", config | {"quantization_config": {"quant_method": "mxfp4"}})
    recipe = shipped("gpt-oss-lora", base)
    cost = dry_run(recipe, make_data())
    assert cost.memory.weights == 2 * cost.memory.num_parameters + 4 * cost.memory.num_trainable
    assert cost.step.loss < 20


def test_four_bits_without_bitsandbytes_and_cuda_are_refused(tmp_path: Path) -> None:
    base = save_base("llama", tmp_path / "base")
    recipe = shipped("llama-lora", base)
    four_bits = recipe.model_copy(update={"tuning": recipe.tuning.model_copy(update={"quantize": "4bit"})})
    with pytest.raises(InputError, match="'4bit' needs bitsandbytes and a CUDA device; or set it to 'auto'"):
        dry_run(four_bits, make_data())
    config = AutoModelForCausalLM.from_config(load_causal_lm(str(base)).config).config
    assert not is_mxfp4(config)
    assert not quantizes(recipe.tuning, config)


UNUSUAL: dict[str, tuple[type, Json]] = {
    "bloom": (BloomConfig, {"hidden_size": 32, "n_layer": 1, "n_head": 2}),
    "mpt": (MptConfig, {"d_model": 32, "n_layers": 1, "n_heads": 2}),
    "falcon": (FalconConfig, {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}),
    "falcon-alibi": (
        FalconConfig,
        {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "alibi": True},
    ),
    "falcon-groups": (
        FalconConfig,
        {
            "hidden_size": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 4,
            "num_kv_heads": 2,
            "new_decoder_architecture": True,
        },
    ),
}


def save_unusual(name: str, folder: Path) -> Path:
    base, (kind, sizes) = save_base("llama", folder), UNUSUAL[name]
    with quiet():
        config = kind(vocab_size=read_json(base / "config.json")["vocab_size"], pad_token_id=0, **sizes)
        config.bos_token_id = config.eos_token_id = None
        AutoModelForCausalLM.from_config(config).save_pretrained(base)
    return base


@pytest.mark.parametrize("method", ["full", "lora"])
@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_decoders_are_planned_and_train_as_planned(name: str, method: str, tmp_path: Path) -> None:
    table = make_recipe(
        stages=one_stage(), evaluations=GREEDY_ONLY, prompt={"layout": "dialogue"}, tuning={"method": method}
    )
    recipe = override(table, base=str(save_unusual(name, tmp_path / "base")), seed=None, device=None)
    cost, recorder = dry_run(recipe, make_data()), Recorder()
    assert 0 < cost.step.loss < 20 and cost.step.architecture.lower().startswith(name.partition("-")[0])
    scores = train(recipe, make_data(), tmp_path / "run", recorder)
    assert recorder.preflights[0].num_trained_tokens == cost.stages[0].num_trained_tokens
    assert (recorder.preflights[0].not_packed is None) == (cost.not_packed is None)
    if "alibi" in name or name in ("bloom", "mpt"):
        assert cost.not_packed is not None
    assert scores["chain"]["greedy"]["num_flips"] == 6


REFUSED = {
    "a Git LFS pointer": lambda base: (base / "model.safetensors").write_text(
        "version https://git-lfs.github.com/spec/v1"
    ),
    "expected .* by its header": lambda base: (base / "model.safetensors").write_bytes(
        (base / "model.safetensors").read_bytes()[:-1]
    ),
    "quantized with gptq": lambda base: write_json(
        base / "config.json",
        read_json(base / "config.json") | {"quantization_config": {"quant_method": "gptq", "bits": 4}},
    ),
    "mamba has layers of kind": lambda base: write_json(
        base / "config.json", {"model_type": "mamba", "vocab_size": 320, "hidden_size": 32}
    ),
    "a sequence-to-sequence model": lambda base: write_json(
        base / "config.json", {"model_type": "t5", "vocab_size": 320, "is_encoder_decoder": True}
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_a_base_that_cannot_be_trained_is_refused_by_dry_run_and_train_alike(message: str, tmp_path: Path) -> None:
    base = save_base("llama", tmp_path / "base")
    REFUSED[message](base)
    recipe = override(make_recipe(stages=one_stage()), base=str(base), seed=None, device=None)
    with pytest.raises(InputError, match=message) as refused:
        dry_run(recipe, make_data())
    recorder = Recorder()
    with pytest.raises(InputError) as again:
        train(recipe, make_data(), tmp_path / "run", recorder)
    assert str(again.value) == str(refused.value) and "\n" not in str(refused.value)
    assert recorder.events == []


def test_a_device_that_is_not_there_is_refused_by_dry_run_and_train_alike(tmp_path: Path) -> None:
    recipe = override(make_recipe(stages=one_stage()), base=None, seed=None, device="xpu:3")
    for look in (lambda: dry_run(recipe, make_data()), lambda: train(recipe, make_data(), tmp_path, Recorder())):
        with pytest.raises(InputError, match="device 'xpu:3': this machine has none of its kind"):
            look()


def test_a_quantized_base_is_not_trained_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = save_base("llama", tmp_path / "base")
    stored = {"quant_method": "bitsandbytes", "load_in_8bit": True}
    write_json(base / "config.json", read_json(base / "config.json") | {"quantization_config": stored})
    monkeypatch.setattr(
        "transformers.quantizers.quantizer_bnb_8bit.Bnb8BitHfQuantizer.validate_environment", lambda *_, **__: None
    )
    recipe = override(make_recipe(stages=one_stage()), base=str(base), seed=None, device=None)
    with pytest.raises(InputError, match="quantized with bitsandbytes and cannot be trained by method = 'full'"):
        dry_run(recipe, make_data())


def test_a_hub_id_that_cannot_be_reached_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    recipe = override(make_recipe(), base="nobody/no-such-model", seed=None, device=None)
    with pytest.raises(InputError, match=r"nobody/no-such-model: .*cannot be reached: put the model into a folder"):
        dry_run(recipe, make_data())


def test_a_chat_template_of_the_base_is_the_one_trained_on(tmp_path: Path) -> None:
    tokenizer = make_tokenizer()
    assert tokenizer.chat_template == CHATML
    base = save_base("llama", tmp_path / "base")
    with quiet():
        tokenizer.save_pretrained(base)
    recorder = Recorder()
    recipe = override(make_recipe(stages=make_recipe().to_json()["stages"][:1]), base=str(base), seed=None, device=None)
    cost = dry_run(recipe, make_data())
    assert cost.stages[0].num_rows > 0
    train(recipe, make_data(), tmp_path / "run", recorder)
    assert all(text.endswith("<|im_end|>") for text in recorder.preflights[0].samples.values())
