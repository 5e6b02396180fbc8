"""Tiny GGUF files, written by the `gguf` package from the untrained Llama of tiny.py, and a wheel that holds one."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import torch
from gguf import GGUFWriter, TokenType
from tiny import CHATML, make_model, make_tokenizer

from fliptrace.models.catalog import PretrainedModel, Wheel

_NAMES = {  # Hugging Face's names of weights, and those of GGUF
    "embed_tokens": "token_embd",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}


def make_llama() -> Any:
    """An untrained Llama whose weights are exact in bf16, so that reading its GGUF file rounds nothing."""
    return make_model("llama", make_tokenizer()).to(torch.bfloat16).float()


def save_gguf(path: Path, *, architecture: str = "llama", name: str = "tiny") -> Path:
    """Write the model of `make_llama` and its tokenizer as a GGUF file."""
    model, tokenizer = make_llama(), make_tokenizer()
    config, writer = model.config, GGUFWriter(path, architecture)
    writer.add_name(name)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)
    writer.add_vocab_size(config.vocab_size)
    _add_tokenizer(writer, tokenizer)
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    for key, weight in model.state_dict().items():
        num_heads = next((num for part, num in heads.items() if part in key), None)
        writer.add_tensor(_gguf_name(key), (_permute(weight, num_heads) if num_heads else weight).numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_tokenizer(writer: Any, tokenizer: Any) -> None:
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    special = set(tokenizer.all_special_ids)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([token for token, _ in vocabulary])
    writer.add_token_types([TokenType.CONTROL if number in special else TokenType.NORMAL for _, number in vocabulary])
    merges = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
    writer.add_token_merges([" ".join(merge) for merge in merges])
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_bos_token_id(tokenizer.convert_tokens_to_ids("<|im_start|>"))
    writer.add_pad_token_id(tokenizer.pad_token_id)
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHATML)


def _gguf_name(name: str) -> str:
    if name == "lm_head.weight":
        return "output.weight"
    if name == "model.norm.weight":
        return "output_norm.weight"
    name = name.removeprefix("model.").replace("layers.", "blk.")
    for theirs, ours in _NAMES.items():
        name = name.replace(theirs, ours)
    return name


def _permute(weight: torch.Tensor, num_heads: int) -> torch.Tensor:
    """Order the rows of a query or key projection as GGUF does: (heads, 2, half, in) -> (heads, half, 2, in)."""
    rows = weight.shape[0] // num_heads // 2
    return weight.reshape(num_heads, 2, rows, weight.shape[1]).swapaxes(1, 2).reshape(weight.shape).contiguous()


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def save_wheel(folder: Path) -> tuple[Path, PretrainedModel]:
    """Write a wheel with a tiny GGUF file, and the entry that would describe it in the catalog."""
    gguf, packed = save_gguf(folder / "tiny.Q4_1.gguf"), folder / "tiny_llm-1.0-py3-none-any.whl"
    with ZipFile(packed, "w") as files:
        files.write(gguf, "tiny_llm/tiny.Q4_1.gguf")
        files.writestr("tiny_llm/__init__.py", "raise SystemExit('code of the wheel was run')")
    size = gguf.stat().st_size
    wheel = Wheel("tiny-llm", "1.0", packed.name, sha256_of(packed), gguf.name, sha256_of(gguf), size)
    gguf.unlink()
    return packed, PretrainedModel("tiny-q4_1", "tiny", "Apache-2.0", packed.stat().st_size, wheel=wheel)
