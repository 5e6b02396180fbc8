"""A small classifier of pairs of texts from nothing, for where no encoder is at hand: ModernBERT in small.

Not BERT itself, which in as many minutes learned less: it norms after its layers and has to learn its positions. The
tokenizer is learned from the texts, the weights are torch's own draws: seed them outside.

Source: Warner et al., "Smarter, better, faster, longer: a modern bidirectional encoder" (2024).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from tokenizers.processors import TemplateProcessing
from transformers import ModernBertConfig, ModernBertForSequenceClassification

from fliptrace.models.local.scratch import BOS, END, ScratchSpec, train_tokenizer

_VOCAB_SIZE = 4096  # as the small decoders have
_MAX_POSITIONS = 256
_NUM_LAYERS = 3


class ScratchEncoder(NamedTuple):
    tokenizer: Any
    model: Any


def build_scratch_encoder(texts: Iterable[str]) -> ScratchEncoder:
    """1.9M parameters with a full vocabulary, for pairs of at most 256 tokens."""
    tokenizer = _pair_tokenizer(texts)
    config = ModernBertConfig(
        vocab_size=len(tokenizer),
        hidden_size=192,
        num_hidden_layers=_NUM_LAYERS,
        layer_types=["full_attention"] * _NUM_LAYERS,  # sliding ones would save nothing on texts this short
        num_attention_heads=3,
        intermediate_size=384,
        max_position_embeddings=_MAX_POSITIONS,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        cls_token_id=tokenizer.bos_token_id,
        sep_token_id=tokenizer.eos_token_id,
        num_labels=2,
        attn_implementation="eager",
    )
    return ScratchEncoder(tokenizer, ModernBertForSequenceClassification(config))


def _pair_tokenizer(texts: Iterable[str]) -> Any:
    """The tokenizer of the small decoders, which starts, parts and ends a pair of texts and pads on the right."""
    tokenizer = train_tokenizer(texts, ScratchSpec(vocab_size=_VOCAB_SIZE, max_position_embeddings=_MAX_POSITIONS))
    tokenizer.chat_template = None
    tokenizer.padding_side = "right"
    tokenizer.model_input_names = ["input_ids", "attention_mask"]  # the model tells texts apart by what parts them
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"{BOS} $A {END}",
        pair=f"{BOS} $A {END} $B {END}",
        special_tokens=[(token, tokenizer.convert_tokens_to_ids(token)) for token in (BOS, END)],
    )
    return tokenizer
