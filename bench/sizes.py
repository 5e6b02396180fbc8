"""The models of the benches: Llamas with random weights, drawn from a seed. What they cost does not hang on what they
know, and nothing has to be downloaded.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from cases import SETS, instruct, load_cases, texts_of
from tokenizers.models import BPE
from transformers import LlamaForCausalLM

from fliptrace.models.local.loading import quiet
from fliptrace.models.local.scratch import ScratchSpec, llama_config, train_tokenizer

_MOST_MERGED = 8_192  # of a larger vocabulary our few texts would fill the rest with whole sentences


@dataclass(frozen=True, slots=True)
class Size:
    """A model's sizes; `num_examples` and `num_prompts` fit a round into seconds, `sets` are those that fit 24 GB."""

    spec: ScratchSpec
    num_examples: int
    num_prompts: int
    sets: tuple[str, ...] = ("meld", "masac")

    @property
    def head_weights(self) -> int:
        return self.spec.vocab_size * self.spec.hidden_size

    @property
    def body_weights(self) -> int:
        """All but the embedding, which is the head as well and as such counted there."""
        return self.spec.num_parameters() - self.head_weights


def _spec(vocab: int, hidden: int, layers: int, heads: int, kv_heads: int, intermediate: int) -> ScratchSpec:
    return ScratchSpec(vocab, hidden, layers, heads, kv_heads, intermediate, max_position_embeddings=4096)


# vocab_size, hidden_size, num_layers, num_heads, num_kv_heads, intermediate_size
SIZES = {
    # An embedding of two thirds of the weights, as in the smallest LLMs that people download: 9.2M.
    "10m": Size(_spec(49_152, 128, 12, 4, 2, 512), 16, 8),
    # The same in layers instead: how much hangs on the large vocabulary. 10.4M.
    "10m-narrow-vocab": Size(_spec(8_192, 320, 6, 10, 5, 1024), 16, 8),
    # 24 of the 30 layers of SmolLM2-135M: 113M. TRL would take more than 24 GB for a batch of whole MaSaC dialogues.
    "113m": Size(_spec(49_152, 576, 24, 9, 3, 1536), 16, 8, sets=("meld",)),
    "tiny": Size(_spec(1_024, 32, 2, 4, 2, 64), 8, 4),  # to try the benches themselves
}


def save_once(name: str, folder: Path, seed: int) -> Path:
    """The model of that size in a folder of its own in `folder`; its tokenizer learns from all training examples."""
    if not (folder / name).exists():
        cases = [case for wanted in SETS for case in load_cases(wanted, "train").cases]
        _save_model(SIZES[name], texts_of(instruct(cases)), folder / name, seed)
    return folder / name


def _save_model(size: Size, texts: Iterable[str], folder: Path, seed: int) -> None:
    tokenizer = _fill(train_tokenizer(texts, replace(size.spec, vocab_size=_num_merged(size))), size.spec.vocab_size)
    torch.manual_seed(seed)
    with quiet():
        tokenizer.save_pretrained(folder)
        LlamaForCausalLM(llama_config(size.spec, tokenizer)).save_pretrained(folder)


def _num_merged(size: Size) -> int:
    return min(_MOST_MERGED, size.spec.vocab_size)


def _fill(tokenizer: Any, vocab_size: int) -> Any:
    """Add tokens that no text has: an untrained model writes any, and each has to be told from the others when read."""
    backend = tokenizer.backend_tokenizer
    model = json.loads(backend.to_str())["model"]
    vocab: dict[str, int] = model["vocab"]
    vocab |= {f"unused{token}.": token for token in range(len(vocab), vocab_size)}
    backend.model = BPE(vocab, [tuple(merge) for merge in model["merges"]])
    assert len(tokenizer) == vocab_size
    return tokenizer
