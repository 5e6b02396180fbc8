"""Bases that cannot be used are refused in one line, before any weights are loaded; unusual ones that can be, are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tiny import make_tokenizer, save_tiny

from fliptrace.core.errors import InputError
from fliptrace.core.files import read_json, write_json
from fliptrace.core.messages import Message
from fliptrace.models.base import Decoding, Request
from fliptrace.models.local.architecture import UNLIMITED, context_length
from fliptrace.models.local.devices import choose_device
from fliptrace.models.local.loading import check_base, load_causal_lm, load_local, quiet

TOKENIZER = make_tokenizer()
SIZES = {"vocab_size": len(TOKENIZER), "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
SPECIAL = {"pad_token_id": 0, "bos_token_id": None, "eos_token_id": TOKENIZER.eos_token_id}


def save(config: Any, folder: Path) -> Path:
    """Save an untrained model of a config, with weights so large that its greedy tokens vary."""
    with quiet(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = transformers.AutoModelForCausalLM.from_config(config)
        for weight in model.parameters():
            weight.data.normal_(std=0.3)
        model.save_pretrained(folder)
        TOKENIZER.save_pretrained(folder)
    return folder


def config_of(kind: str, **sizes: Any) -> Any:
    return getattr(transformers, f"{kind}Config")(**(SIZES | SPECIAL | sizes))


UNUSUAL: dict[str, Any] = {
    "bloom": lambda: config_of("Bloom"),
    "mpt": lambda: transformers.MptConfig(d_model=32, n_layers=2, n_heads=4, vocab_size=len(TOKENIZER), **SPECIAL),
    "falcon": lambda: config_of("Falcon"),
    "falcon with ALiBi": lambda: config_of("Falcon", alibi=True),
    "falcon with groups": lambda: config_of("Falcon", new_decoder_architecture=True, num_kv_heads=2),
}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return save_tiny("llama", tmp_path / "base")


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_decoders_write_what_generate_writes(name: str, tmp_path: Path) -> None:
    folder = save(UNUSUAL[name](), tmp_path / "base")
    model = load_local(str(folder), device="cpu", dtype="fp32")
    texts = ("Monica", "Which utterances triggered this flip?")
    replies = model.complete([Request(text, (Message("user", text),)) for text in texts], Decoding(max_new_tokens=12))
    plain = load_causal_lm(str(folder), "fp32")
    for text, (reply,) in zip(texts, replies, strict=True):
        ids = torch.tensor([model.chat_format.encode_prompt((Message("user", text),))])
        stops = sorted(model.chat_format.stop_ids)
        out = plain.generate(ids, do_sample=False, max_new_tokens=12, eos_token_id=stops, pad_token_id=0)
        assert reply.text == model.chat_format.decode_reply(out[0, ids.shape[1] :].tolist())


def test_the_context_is_the_configs_or_else_the_tokenizers() -> None:
    assert context_length(config_of("Llama", max_position_embeddings=77), TOKENIZER) == 77
    assert context_length(UNUSUAL["mpt"](), TOKENIZER) == 2048
    assert context_length(UNUSUAL["bloom"](), TOKENIZER) == UNLIMITED
    short = make_tokenizer()
    short.model_max_length = 512
    assert context_length(UNUSUAL["bloom"](), short) == 512


@pytest.mark.parametrize(
    ("kind", "sizes", "message"),
    [
        ("Mamba", {}, "mamba has layers of kind LinearAttentionLayer; expected a decoder with attention throughout"),
        ("Mamba2", {"num_heads": 4, "head_dim": 16}, "mamba2 has layers of kind LinearAttentionLayer"),
        ("Rwkv", {}, "rwkv carries a state instead of keys and values"),
        ("ViT", {}, "transformers knows no language model of kind 'vit'"),
    ],
)
def test_what_is_no_decoder_with_attention_is_refused(
    kind: str, sizes: dict[str, Any], message: str, base: Path
) -> None:
    with quiet():
        config_of(kind, **sizes).save_pretrained(base)
    with pytest.raises(InputError, match=f"base: .*{message}"):
        check_base(str(base))
    with pytest.raises(InputError, match=message):
        load_local(str(base), device="cpu")


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        ({"quant_method": "awq", "bits": 4, "group_size": 128}, "quantized with awq, .*requires gptqmodel"),
        ({"quant_method": "gptq", "bits": 4}, "quantized with gptq, which fails here: .*requires optimum"),
        (
            {"quant_method": "bitsandbytes", "load_in_4bit": True},
            "quantized with bitsandbytes, .*requires bitsandbytes",
        ),
        ({"quant_method": "compressed-tensors"}, "quantized with compressed-tensors, which fails here: "),
        ({"quant_method": "of tomorrow"}, "quantized with of tomorrow, which fails here: Unknown quantization type"),
    ],
)
def test_a_quantized_base_without_its_library_is_refused(stored: dict[str, Any], message: str, base: Path) -> None:
    write_json(base / "config.json", read_json(base / "config.json") | {"quantization_config": stored})
    with pytest.raises(InputError, match=f"base: its weights are {message}") as caught:
        load_local(str(base), device="cpu")
    assert "\n" not in str(caught.value)


def cut(file: Path, num_bytes: int) -> None:
    file.write_bytes(file.read_bytes()[:num_bytes])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda file: file.unlink(), r"base: has no weights; expected model\.safetensors"),
        (
            lambda file: file.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"),
            r"model\.safetensors: a Git LFS pointer, not the weights; fetch them with `git lfs pull`",
        ),
        (lambda file: cut(file, file.stat().st_size - 1), r"model\.safetensors: [\d,]+ bytes; expected [\d,]+ by its"),
        (lambda file: cut(file, 100), r"model\.safetensors: 100 bytes, which end within the header"),
        (lambda file: cut(file, 3), r"model\.safetensors: 3 bytes, which end within the header"),
        (lambda file: file.write_bytes(b""), r"model\.safetensors: 0 bytes, which end within the header"),
        (lambda file: file.write_bytes(b"\x05\0\0\0\0\0\0\0hello"), r"model\.safetensors: no safetensors header"),
        (
            lambda file: write_json(
                file.with_name("model.safetensors.index.json"), {"weight_map": {"a": "model-2-of-2.safetensors"}}
            ),
            r"model-2-of-2\.safetensors: no such file, but model\.safetensors\.index\.json names it",
        ),
    ],
)
def test_damaged_weights_are_refused_by_their_file(damage: Any, message: str, base: Path) -> None:
    check_base(str(base))
    damage(base / "model.safetensors")
    for use in (check_base, load_local):
        with pytest.raises(InputError, match=message):
            use(str(base))


def test_a_token_without_a_row_in_the_embeddings_is_refused(base: Path) -> None:
    tokenizer = make_tokenizer(("<|im_start|>", "<|im_end|>"))
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|new|>"]})
    with quiet():
        tokenizer.save_pretrained(base)
        check_base(str(base))  # one token too many, which no prompt has
        tokenizer.chat_template = tokenizer.chat_template.replace("<|im_end|>", "<|new|>")
        tokenizer.save_pretrained(base)
    message = (
        rf"base: its prompts have token {len(TOKENIZER)}, '<\|new\|>', but its embeddings have {len(TOKENIZER)} rows"
    )
    with pytest.raises(InputError, match=message):
        check_base(str(base))


def save_adapter(base: Path, folder: Path, *targets: str, vocab_size: int | None = None) -> Path:
    from peft import LoraConfig, get_peft_model

    layers = [*targets] or ["q_proj", "down_proj"]
    with quiet():
        model = load_causal_lm(str(base))
        if vocab_size:
            model.resize_token_embeddings(vocab_size)
        modules = ["embed_tokens", "lm_head"] if vocab_size else None
        config = LoraConfig(
            r=2,
            target_modules=layers,
            modules_to_save=modules,
            fan_in_fan_out="c_attn" in targets,
            task_type="CAUSAL_LM",
        )
        get_peft_model(model, config).save_pretrained(folder, save_embedding_layers=False)
    return folder


def test_an_adapter_that_fits_its_base_is_let_through(base: Path, tmp_path: Path) -> None:
    check_base(str(save_adapter(base, tmp_path / "adapter")))
    check_base(str(save_adapter(base, tmp_path / "embeddings", "embed_tokens", "lm_head")))
    check_base(str(save_adapter(save_tiny("gpt2", tmp_path / "gpt2"), tmp_path / "transposed", "c_attn", "c_proj")))


def test_an_adapter_over_a_resized_vocabulary_is_refused(base: Path, tmp_path: Path) -> None:
    adapter = save_adapter(base, tmp_path / "adapter", vocab_size=len(TOKENIZER) + 8)
    message = (
        r"adapter: does not fit its base .*base: .*(embed_tokens|lm_head).* is 328 x 32, but .* is 320 x 32; expected"
    )
    for use in (check_base, load_local):
        with pytest.raises(InputError, match=message):
            use(str(adapter))


@pytest.mark.parametrize(("family", "message"), [("gpt2", "has no weight for"), ("qwen3", "is 2 x 64, but")])
def test_an_adapter_of_another_base_is_refused(family: str, message: str, base: Path, tmp_path: Path) -> None:
    adapter = save_adapter(base, tmp_path / "adapter")
    other = save_tiny(family, tmp_path / "other")
    if family == "qwen3":
        save(config_of("Qwen3", num_key_value_heads=2, intermediate_size=48, head_dim=8), other)
    config = adapter / "adapter_config.json"
    write_json(config, read_json(config) | {"base_model_name_or_path": str(other)})
    with pytest.raises(InputError, match=f"adapter: does not fit its base .*other.*{message}"):
        check_base(str(adapter))


def test_a_damaged_adapter_is_refused_by_its_file(base: Path, tmp_path: Path) -> None:
    adapter = save_adapter(base, tmp_path / "adapter")
    cut(adapter / "adapter_model.safetensors", 500)
    with pytest.raises(InputError, match=r"adapter_model\.safetensors: 500 bytes"):
        check_base(str(adapter))


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("cuda:99", "this machine has .*; expected auto, cpu or one that it has"),
        ("xpu:7", "this machine has none of its kind"),
        ("gpu", "no name of a device; expected auto, cpu, cuda or cuda:1"),
    ],
)
def test_a_device_that_is_not_there_is_refused(device: str, message: str, base: Path) -> None:
    with pytest.raises(InputError, match=f"device '{device}': {message}"):
        choose_device(device)
    with pytest.raises(InputError, match=message):
        load_local(str(base), device=device)
    assert choose_device("cpu").type == "cpu"


def test_code_that_comes_with_a_tokenizer_is_refused_without_asking(base: Path) -> None:
    config = base / "tokenizer_config.json"
    own = {"tokenizer_class": "Own", "auto_map": {"AutoTokenizer": [None, "own.Own"]}}
    write_json(config, json.loads(config.read_text()) | own)
    with pytest.raises(
        InputError,
        match=r"base: its config names Python of its own \(auto_map\), which is never run, and there is no option",
    ):
        check_base(str(base))
