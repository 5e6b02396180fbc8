"""The model a stage starts from, and the checkpoint it ends in: full weights, or an adapter over a base."""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from fliptrace.checkpoints import Habits
from fliptrace.errors import InputError
from fliptrace.models.loading import is_adapter, load_causal_lm, load_tokenizer, quiet
from fliptrace.models.scratch import ScratchSpec, build_scratch
from fliptrace.store import new_folder
from fliptrace.training.local import pick_device, uses_bf16
from fliptrace.training.recipe import Recipe, Scratch, Tuning


class Parent(NamedTuple):
    """A Hugging Face model ready to be trained on, and its tokenizer."""

    model: Any
    tokenizer: Any


def scratch_spec(part: Scratch) -> ScratchSpec:
    """The sizes of a recipe's scratch model; InputError where they do not go together."""
    try:
        return ScratchSpec(**part.model_dump())
    except ValueError as error:
        raise InputError("recipe base.scratch", str(error)) from error


def make_base(recipe: Recipe, texts: Iterable[str], folder: Path) -> str:
    """The reference of the base: the recipe's own, or `folder`, into which a scratch model is built once."""
    if recipe.base.scratch is None:
        return recipe.base.model
    spec = scratch_spec(recipe.base.scratch)
    if not folder.exists():
        build_scratch(texts, spec, folder, recipe.seed)
    return str(folder)


def load_parent(tuning: Tuning, ref: str, merged: Path) -> Parent:
    """Weights to train on. With LoRA: the parent's adapter goes on, or is merged into `merged` for a new one."""
    model = _load_model(tuning, ref, merged)
    if tuning.gradient_checkpointing:
        model.gradient_checkpointing_enable()
        model.enable_input_require_grads()  # else nothing flows back through a frozen embedding
    return Parent(model, load_tokenizer(ref))


def save_checkpoint(parent: Parent, folder: Path, habits: Habits) -> None:
    """Weights (or adapter), tokenizer and reading habits; `folder` appears whole or not at all."""
    config = getattr(parent.model, "peft_config", {}).get("default")
    if config is not None and Path(config.base_model_name_or_path).is_dir():
        # Relative, so that a run folder can be moved; absolute for a base that lies elsewhere.
        base = Path(config.base_model_name_or_path).resolve()
        inside = base.is_relative_to(folder.parent.parent.resolve())
        config.base_model_name_or_path = os.path.relpath(base, folder.resolve()) if inside else str(base)
    with new_folder(folder) as neighbour, quiet():
        parent.model.save_pretrained(neighbour)
        parent.tokenizer.save_pretrained(neighbour)
        habits.write(neighbour)


def _load_model(tuning: Tuning, ref: str, merged: Path) -> Any:
    if tuning.method == "full":
        return load_causal_lm(ref, "fp32")
    if is_adapter(ref) and tuning.between_stages == "continue":
        return load_causal_lm(ref, frozen_dtype(tuning), trainable=True)
    base = _merge(ref, merged) if is_adapter(ref) else ref
    return with_new_adapter(_load_frozen(tuning, base), tuning)


def _merge(adapter: str, folder: Path) -> str:
    """Fold an adapter into its base in fp32, as bf16 would round the sum."""
    if not folder.exists():
        with new_folder(folder) as neighbour:
            load_causal_lm(adapter, "fp32").merge_and_unload().save_pretrained(neighbour)
            load_tokenizer(adapter).save_pretrained(neighbour)
    return str(folder)


def with_new_adapter(model: Any, tuning: Tuning) -> Any:
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=tuning.lora_rank,
        lora_alpha=tuning.lora_alpha,
        lora_dropout=tuning.lora_dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, config)


def _load_frozen(tuning: Tuning, ref: str) -> Any:
    """The base under an adapter, in 4 bits where the recipe asks for it and bitsandbytes is there."""
    if not quantizes(tuning):
        return load_causal_lm(ref, frozen_dtype(tuning))
    import torch
    from peft import prepare_model_for_kbit_training
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    four_bit = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    model = AutoModelForCausalLM.from_pretrained(ref, quantization_config=four_bit, device_map={"": 0})
    return prepare_model_for_kbit_training(model, use_gradient_checkpointing=tuning.gradient_checkpointing)


def quantizes(tuning: Tuning) -> bool:
    has_bitsandbytes = find_spec("bitsandbytes") is not None and pick_device(tuning.device).startswith("cuda")
    if tuning.quantize == "4bit" and not has_bitsandbytes:
        raise InputError("recipe tuning.quantize", "'4bit' needs bitsandbytes and a CUDA device; or set it to 'auto'")
    return tuning.quantize != "none" and has_bitsandbytes


def frozen_dtype(tuning: Tuning) -> Any:
    """Frozen weights need no fp32 copy where bf16 is computed anyway."""
    return "bf16" if uses_bf16(tuning) and pick_device(tuning.device) != "cpu" else "fp32"
