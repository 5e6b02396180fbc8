"""A small, untrained classifier of text pairs, for use without a pretrained encoder: a small ModernBERT.

BERT itself learned less in the same time: it normalises after its layers, and has to learn its positions. The tokenizer
is trained on the texts. The weights are torch's random initialisation, to be seeded by the caller.

Source: Warner et al., "Smarter, better, faster, longer: a modern bidirectional encoder" (2024).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from tokenizers.processors import TemplateProcessing
from transformers import ModernBertConfig, ModernBertForSequenceClassification

from fliptrace.models.local.scratch import BOS, END, ScratchSpec, train_tokenizer

_VOCAB_SIZE = 4096  # as in the small decoders
_MAX_POSITIONS = 256
_NUM_LAYERS = 3


class ScratchEncoder(NamedTuple):
    tokenizer: Any
    model: Any


def build_scratch_encoder(texts: Iterable[str]) -> ScratchEncoder:
    """Build tokenizer and model for pairs of at most 256 tokens; 1.9M parameters with a full vocabulary."""
    tokenizer = _pair_tokenizer(texts)
    config = ModernBertConfig(
        vocab_size=len(tokenizer),
        hidden_size=192,
        num_hidden_layers=_NUM_LAYERS,
        layer_types=["full_attention"] * _NUM_LAYERS,  # sliding attention would save nothing on texts this short
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
    """The tokenizer of the small decoders, with BOS before, END between and after a pair, and padding on the right."""
    tokenizer = train_tokenizer(texts, ScratchSpec(vocab_size=_VOCAB_SIZE, max_position_embeddings=_MAX_POSITIONS))
    tokenizer.chat_template = None
    tokenizer.padding_side = "right"
    tokenizer.model_input_names = ["input_ids", "attention_mask"]  # no token types: the separator tells texts apart
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"{BOS} $A {END}",
        pair=f"{BOS} $A {END} $B {END}",
        special_tokens=[(token, tokenizer.convert_tokens_to_ids(token)) for token in (BOS, END)],
    )
    return tokenizer
