"""What a model's config tells before any weights are loaded: its context, and why it cannot be used."""

from __future__ import annotations

import inspect
from typing import Any, Literal

from fliptrace.core.errors import InputError
from fliptrace.core.messages import Message
from fliptrace.models.chat_template import ChatFormat

Training = Literal["full", "lora"]

UNLIMITED = 2**31  # tokens; more than any dialogue takes
# The names that configs have for the longest sequence. Bloom has none, since ALiBi has no limit.
_CONTEXT_NAMES = ("max_position_embeddings", "max_seq_len", "n_positions", "seq_length")
_EVERYDAY = (Message("user", "Dialogue\n[1] Ana (joy): Which utterances triggered 2 3 4 5 6 7 8 9 0?\n\nTriggers:"),)


def context_length(config: Any, tokenizer: Any) -> int:
    """The maximum number of tokens of prompt and reply together.

    Where the config has no limit, it is the tokenizer's, and `UNLIMITED` where that has none either.
    """
    text = config.get_text_config()
    known = next((value for name in _CONTEXT_NAMES if type(value := getattr(text, name, None)) is int), None)
    return known or min(int(tokenizer.model_max_length), UNLIMITED)


def require_decoder(config: Any, ref: str) -> None:
    """InputError if a model of this config does not predict each token from those before it alone.

    transformers loads encoders such as BERT and RoBERTa as causal models too, but their attention then sees the tokens
    to come: they train to a low loss and cannot write. The decoder of a sequence-to-sequence model is refused when it
    comes alone too: its cache has as many layers as the encoder.
    """
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_MASKED_LM_MAPPING_NAMES,
        MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
    )

    expected = "expected a causal decoder, such as Llama or Qwen"
    is_seq2seq_kind = config.model_type in MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES
    if getattr(config, "is_encoder_decoder", False) or is_seq2seq_kind:
        raise InputError(ref, f"a sequence-to-sequence model ({config.model_type}); {expected}")
    if config.model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES and not getattr(config, "is_decoder", False):
        raise InputError(ref, f"an encoder ({config.model_type}), whose attention sees the tokens to come; {expected}")


def require_attention(config: Any, ref: str) -> None:
    """InputError if a layer of the model is not attention: what a state has taken in cannot be taken back."""
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, DynamicCache
    from transformers.cache_utils import DynamicLayer, LinearAttentionCacheLayerMixin

    expected = "expected a decoder with attention throughout"
    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise InputError(ref, f"transformers knows no language model of kind {config.model_type!r}; {expected}")
    for layer in DynamicCache(config=config).layers:
        if not isinstance(layer, DynamicLayer) or isinstance(layer, LinearAttentionCacheLayerMixin):
            raise InputError(ref, f"{config.model_type} has layers of kind {type(layer).__name__}; {expected}")
    model_class = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
    if "past_key_values" not in inspect.signature(model_class.forward).parameters:
        raise InputError(ref, f"{config.model_type} carries a state instead of keys and values; {expected}")


def require_quantizer(config: Any, ref: str, to_train: Training | None = None) -> None:
    """InputError if the weights are quantized in a way that this machine, or the training, does not support."""
    stored = getattr(config, "quantization_config", None)
    if stored is None or _method(stored) == "mxfp4":  # that is unpacked to bf16 wherever it cannot be used
        return
    from transformers.quantizers import AutoHfQuantizer

    try:
        quantizer = AutoHfQuantizer.from_config(stored, pre_quantized=True)
        quantizer.validate_environment(dtype=None, device_map=None, weights_only=True)
    except (ImportError, RuntimeError, TypeError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise InputError(ref, f"its weights are quantized with {_method(stored)}, which fails here: {reason}") from None
    if to_train == "full" or (to_train and not quantizer.is_trainable):
        by = " by method = 'full'" if quantizer.is_trainable else ""
        raise InputError(
            ref, f"its weights are quantized with {_method(stored)} and cannot be trained{by}; expected a base in bf16"
        )


def require_embeddings(config: Any, tokenizer: Any, ref: str) -> None:
    """InputError if a prompt has tokens without a row in the embeddings: they were added without resizing these."""
    num_rows = config.get_text_config().vocab_size
    chat = ChatFormat.of(tokenizer)
    ids = [*chat.encode_prompt(_EVERYDAY), *chat.encode_completion("Triggers: none")]
    missing = next((token for token in ids if token >= num_rows), None)
    if missing is not None:
        raise InputError(
            ref,
            f"its prompts have token {missing}, {tokenizer.convert_ids_to_tokens(missing)!r}, but its embeddings have "
            f"{num_rows:,} rows; expected embeddings resized to its tokenizer",
        )


def _method(stored: Any) -> str:
    method = stored.get("quant_method") if isinstance(stored, dict) else getattr(stored, "quant_method", None)
    return str(getattr(method, "value", method) or "an unnamed method")
