"""Tiny untrained models of many families, with tokenizers trained on a few sentences, for tests without network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertModel,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GPT2Config,
    GPT2LMHeadModel,
    GptOssConfig,
    GptOssForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from fliptrace.models.local.loading import quiet

SENTENCES = (
    "1 Monica joy: The cake is ready, come and look!",
    "2 Ross surprise: You made this yourself?",
    "3 Monica anger: Why is that so hard to believe?",
    "Which utterances triggered this flip? Triggers: 1 2, or Triggers: none.",
)
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

# Weights this large make untrained models vary their tokens instead of repeating one, so equal replies mean something.
_SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "initializer_range": 0.3}
_GQA = _SIZES | {"num_key_value_heads": 2, "intermediate_size": 64, "max_position_embeddings": 256}
_SLIDING = {"sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"]}
_EXPERTS = {"num_local_experts": 4, "num_experts_per_tok": 2, "head_dim": 8}
FAMILIES: dict[str, tuple[type, type, dict[str, Any]]] = {
    "llama": (LlamaForCausalLM, LlamaConfig, _GQA),
    "qwen2": (Qwen2ForCausalLM, Qwen2Config, _GQA),
    "qwen3": (Qwen3ForCausalLM, Qwen3Config, _GQA | {"head_dim": 8}),
    "mistral": (MistralForCausalLM, MistralConfig, _GQA | {"sliding_window": 24}),
    "gemma3": (Gemma3ForCausalLM, Gemma3TextConfig, _GQA | _SLIDING | {"head_dim": 8, "tie_word_embeddings": False}),
    "gpt2": (GPT2LMHeadModel, GPT2Config, {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256}),
    "gpt-oss": (GptOssForCausalLM, GptOssConfig, _GQA | _SLIDING | _EXPERTS),
}


def make_tokenizer(
    special_tokens: Sequence[str] = ("<|im_start|>", "<|im_end|>"),
    *,
    template: str | None = CHATML,
    bos: str | None = None,
    eos: str | None = "<|eos|>",
    adds_bos: bool = False,
) -> Any:
    """Train a byte-level tokenizer. With `adds_bos` it adds `bos` to plain text, as Llama's and Gemma's do."""
    names = [name for name in ("<|pad|>", bos, eos) if name]
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    tokens = [*names, *(token for token in special_tokens if token not in names)]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=320, special_tokens=tokens, initial_alphabet=alphabet, show_progress=False)
    bpe.train_from_iterator(SENTENCES, trainer=trainer)
    if adds_bos:
        bpe.post_processor = processors.TemplateProcessing(f"{bos} $A", None, [(bos, bpe.token_to_id(bos))])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        pad_token="<|pad|>",
        bos_token=bos,
        eos_token=eos,
        extra_special_tokens=tokens[len(names) :],
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = template
    return tokenizer


def make_model(family: str, tokenizer: Any, num_extra_stops: int = 0) -> Any:
    """Make an untrained model of the family. Extra stop tokens let its replies end early, as a trained model's do."""
    model_class, config_class, sizes = FAMILIES[family]
    special = {"pad_token_id": 0, "bos_token_id": None, "eos_token_id": tokenizer.eos_token_id}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = model_class(config_class(vocab_size=len(tokenizer), **special, **sizes)).eval()
        if family == "gpt2":
            for weight in model.parameters():
                weight.data.normal_(std=0.3)
    model.generation_config.eos_token_id = [tokenizer.eos_token_id, *range(10, 10 + num_extra_stops)]
    return model


def save_tiny(family: str, folder: Path) -> Path:
    """Save an untrained model and its tokenizer as an ordinary Hugging Face folder."""
    tokenizer = make_tokenizer()
    with quiet():
        make_model(family, tokenizer).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder


def save_encoder(folder: Path) -> Path:
    """Save an untrained encoder of one layer, with its tokenizer."""
    tokenizer = make_tokenizer()
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    with quiet():
        BertModel(BertConfig(vocab_size=len(tokenizer), **sizes), add_pooling_layer=False).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder
