"""Creates a small Llama-style model from scratch: a tokenizer trained on given texts, and randomly initialised weights.

The model is saved as an ordinary Hugging Face folder that AutoModelForCausalLM and AutoTokenizer load. Training it is
not part of this module.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fliptrace.core.errors import InputError
from fliptrace.core.files import new_folder
from fliptrace.models.local.loading import quiet

PAD, BOS, END = "<|pad|>", "<|begin|>", "<|end|>"
# One token per role. Only the assistant's turn has an end token; the other turns end with the next role's token.
SPECIAL_TOKENS = (PAD, BOS, END, "<|system|>", "<|user|>", "<|assistant|>")
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
_NUM_BYTES = 256


@dataclass(frozen=True, slots=True)
class ScratchSpec:
    """Sizes of a model to build from scratch. `vocab_size` is an upper bound: a small corpus has fewer merges."""

    vocab_size: int = 4096
    hidden_size: int = 192
    num_layers: int = 4
    num_heads: int = 6
    num_kv_heads: int = 2
    intermediate_size: int = 512
    max_position_embeddings: int = 1024
    rope_theta: float = 10_000.0
    tie_embeddings: bool = True

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if name != "tie_embeddings" and not value > 0:
                raise ValueError(f"{name} {value}: expected more than 0")
        if self.vocab_size < _NUM_BYTES + len(SPECIAL_TOKENS):
            found, minimum = self.vocab_size, _NUM_BYTES + len(SPECIAL_TOKENS)
            raise ValueError(f"vocab_size {found}: expected at least {minimum}, the bytes and the special tokens")
        if self.hidden_size % (2 * self.num_heads):
            raise ValueError(
                f"hidden_size {self.hidden_size} over num_heads {self.num_heads}: expected an even size per head"
            )
        if self.num_heads % self.num_kv_heads:
            raise ValueError(f"num_heads {self.num_heads}: expected a multiple of num_kv_heads {self.num_kv_heads}")

    def num_parameters(self) -> int:
        """Return the number of weights if the vocabulary reaches `vocab_size`.

        >>> ScratchSpec().num_parameters()
        2361024
        """
        kv_size = self.hidden_size // self.num_heads * self.num_kv_heads
        attention = 2 * self.hidden_size * self.hidden_size + 2 * self.hidden_size * kv_size
        layer = attention + 3 * self.hidden_size * self.intermediate_size + 2 * self.hidden_size
        num_embeddings = 1 if self.tie_embeddings else 2
        return num_embeddings * self.vocab_size * self.hidden_size + self.num_layers * layer + self.hidden_size


def build_scratch(texts: Iterable[str], spec: ScratchSpec, folder: Path, seed: int) -> Path:
    """Train the tokenizer on `texts`, initialise the weights and save both; the same arguments give the same bytes.

    The folder is written completely or not at all. InputError if it already exists.
    """
    if folder.exists():
        raise InputError(folder, "already exists; expected the name of a new folder")
    tokenizer = train_tokenizer(texts, spec)
    model = _init_model(spec, tokenizer, seed)
    with new_folder(folder) as neighbour, quiet():
        tokenizer.save_pretrained(neighbour)
        model.save_pretrained(neighbour)
    return folder


def train_tokenizer(texts: Iterable[str], spec: ScratchSpec) -> Any:
    """Train a byte-level BPE tokenizer with one token per digit; return a Hugging Face fast tokenizer."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    # A digit is the same token everywhere, so a number in the answer copies the tokens of that number in the prompt.
    digits = pre_tokenizers.Digits(individual_digits=True)
    bpe.pre_tokenizer = pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=spec.vocab_size,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer=trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        pad_token=PAD,
        bos_token=BOS,
        eos_token=END,
        extra_special_tokens=list(SPECIAL_TOKENS[3:]),
        model_max_length=spec.max_position_embeddings,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def llama_config(spec: ScratchSpec, tokenizer: Any) -> Any:
    """Return the Hugging Face config of a model with these sizes and this tokenizer's vocabulary."""
    from transformers import LlamaConfig

    return LlamaConfig(
        architectures=["LlamaForCausalLM"],
        vocab_size=len(tokenizer),
        hidden_size=spec.hidden_size,
        num_hidden_layers=spec.num_layers,
        num_attention_heads=spec.num_heads,
        num_key_value_heads=spec.num_kv_heads,
        intermediate_size=spec.intermediate_size,
        max_position_embeddings=spec.max_position_embeddings,
        rope_parameters={"rope_type": "default", "rope_theta": spec.rope_theta},
        tie_word_embeddings=spec.tie_embeddings,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )


def _init_model(spec: ScratchSpec, tokenizer: Any, seed: int) -> Any:
    """Initialise the weights from the seed without changing the caller's random state."""
    import torch
    from transformers import LlamaForCausalLM

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LlamaForCausalLM(llama_config(spec, tokenizer))
