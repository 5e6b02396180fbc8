"""The models of the benches: Llama-style models with random weights, drawn from a seed.

Their speed does not depend on what they have learned, and nothing has to be downloaded.
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
from fliptrace.prompts.views import LayoutName

_MAX_MERGED = 8_192  # with more merges, our few texts would fill the vocabulary with whole sentences


@dataclass(frozen=True, slots=True)
class Size:
    """The shape of a model and the work of a round.

    `num_examples` (training) and `num_prompts` (inference) make a round take seconds; `sets` fit into 24 GB of memory.
    With a `lora_rank`, training freezes the weights and adds an adapter of that rank to every linear layer.
    """

    spec: ScratchSpec
    num_examples: int
    num_prompts: int
    sets: tuple[str, ...] = ("meld", "masac")
    layout: LayoutName = "dialogue"
    lora_rank: int | None = None

    @property
    def head_weights(self) -> int:
        return self.spec.vocab_size * self.spec.hidden_size

    @property
    def body_weights(self) -> int:
        """All weights except the embedding, which is tied to the head and counted in `head_weights`."""
        return self.spec.num_parameters() - self.head_weights

    @property
    def flops_a_token(self) -> float:
        """Of training, without attention's products and the head: 6 a weight, or 4 a frozen one, which needs no
        gradient of its own, and 6 of the adapter.
        """
        if self.lora_rank is None:
            return 6.0 * self.body_weights
        return 4.0 * self.body_weights + 6.0 * self.adapter_weights

    @property
    def flops_a_label(self) -> float:
        return (6.0 if self.lora_rank is None else 4.0) * self.head_weights

    @property
    def adapter_weights(self) -> int:
        hidden, wide, spec = self.spec.hidden_size, self.spec.intermediate_size, self.spec
        narrow = hidden // spec.num_heads * spec.num_kv_heads
        shapes = [(hidden, hidden), (hidden, narrow), (hidden, narrow), (hidden, hidden)]
        shapes += [(hidden, wide), (hidden, wide), (wide, hidden)]
        return (self.lora_rank or 0) * spec.num_layers * sum(before + after for before, after in shapes)


def _spec(vocab: int, hidden: int, layers: int, heads: int, kv_heads: int, intermediate: int) -> ScratchSpec:
    return ScratchSpec(vocab, hidden, layers, heads, kv_heads, intermediate, max_position_embeddings=4096)


# vocab_size, hidden_size, num_layers, num_heads, num_kv_heads, intermediate_size
SIZES = {
    # 9.2M weights. The embedding has two thirds of them, as in the smallest published LLMs.
    "10m": Size(_spec(49_152, 128, 12, 4, 2, 512), 16, 8),
    # 10.4M weights, mostly in the layers: shows how much depends on the large vocabulary.
    "10m-narrow-vocab": Size(_spec(8_192, 320, 6, 10, 5, 1024), 16, 8),
    # 113M weights: 24 of the 30 layers of SmolLM2-135M. TRL needs more than 24 GB for a batch of whole MaSaC dialogues.
    "113m": Size(_spec(49_152, 576, 24, 9, 3, 1536), 16, 8, sets=("meld",)),
    # SmolLM2-135M as recipes/smol.toml trains it: a frozen base, an adapter, prompts that share all but a short branch.
    "smol": Size(_spec(49_152, 576, 30, 9, 3, 1536), 16, 8, sets=("meld",), layout="shared", lora_rank=16),
    "tiny": Size(_spec(1_024, 32, 2, 4, 2, 64), 8, 4),  # to test the benches themselves
}


def save_once(name: str, folder: Path, seed: int) -> Path:
    """Save the model of that size under `folder`, unless it is there, and return its folder.

    Its tokenizer is trained on all training examples.
    """
    if not (folder / name).exists():
        cases = [case for data in SETS for case in load_cases(data, "train").cases]
        _save_model(SIZES[name], texts_of(instruct(cases)), folder / name, seed)
    return folder / name


def _save_model(size: Size, texts: Iterable[str], folder: Path, seed: int) -> None:
    tokenizer = _fill(train_tokenizer(texts, replace(size.spec, vocab_size=_num_merged(size))), size.spec.vocab_size)
    torch.manual_seed(seed)
    with quiet():
        tokenizer.save_pretrained(folder)
        LlamaForCausalLM(llama_config(size.spec, tokenizer)).save_pretrained(folder)


def _num_merged(size: Size) -> int:
    return min(_MAX_MERGED, size.spec.vocab_size)


def _fill(tokenizer: Any, vocab_size: int) -> Any:
    """Fill the vocabulary with tokens that occur in no text.

    An untrained model writes any token, so each needs a text of its own for replies to be compared.
    """
    backend = tokenizer.backend_tokenizer
    model = json.loads(backend.to_str())["model"]
    vocab: dict[str, int] = model["vocab"]
    vocab |= {f"unused{token}.": token for token in range(len(vocab), vocab_size)}
    backend.model = BPE(vocab, [tuple(merge) for merge in model["merges"]])
    assert len(tokenizer) == vocab_size
    return tokenizer
