"""Load the model a stage starts from, and save the checkpoint it ends with: full weights, or an adapter on a base."""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from fliptrace.core.errors import InputError
from fliptrace.core.files import new_folder, read_object, write_json
from fliptrace.models.catalog import BaseRecord
from fliptrace.models.checkpoints import InferenceDefaults
from fliptrace.models.local.loading import (
    NO_CODE,
    base_of,
    is_adapter,
    load_causal_lm,
    load_config,
    load_tokenizer,
    quiet,
    refuse_pickles,
    resolve,
)
from fliptrace.models.local.scratch import ScratchSpec, build_scratch
from fliptrace.training.compute import pick_device, uses_bf16
from fliptrace.training.recipe import Recipe
from fliptrace.training.recipe_tables import Scratch, Tuning
from fliptrace.training.runs import saving

ADAPTER_CONFIG = "adapter_config.json"


class Parent(NamedTuple):
    """A Hugging Face model that is ready for training, and its tokenizer."""

    model: Any
    tokenizer: Any

    @property
    def bare(self) -> Any:
        """The Hugging Face model without the PEFT wrapper, for generation. An adapter's layers stay in place."""
        from peft import PeftModel

        return self.model.get_base_model() if isinstance(self.model, PeftModel) else self.model


def scratch_spec(part: Scratch) -> ScratchSpec:
    """The sizes of a recipe's scratch model. Raises InputError if they are inconsistent."""
    try:
        return ScratchSpec(**part.model_dump())
    except ValueError as error:
        raise InputError("recipe base.scratch", str(error)) from error


def make_base(recipe: Recipe, texts: Iterable[str], folder: Path) -> str:
    """Return the reference of the base model: that of the recipe, or `folder`, where a scratch model is built once."""
    if recipe.base.scratch is None:
        return recipe.base.model
    spec = scratch_spec(recipe.base.scratch)
    if not folder.exists():
        build_scratch(texts, spec, folder, recipe.seed)
    return str(folder)


def load_parent(tuning: Tuning, ref: str, merged: Path, seed: int) -> Parent:
    """Load the weights to train.

    With LoRA, training either continues the parent's adapter, or merges it into its base (saved in `merged`) and
    starts a new adapter. A new adapter's weights are drawn from `seed`.
    """
    model = _load_model(tuning, ref, merged, seed)
    if tuning.gradient_checkpointing:
        with quiet():
            model.gradient_checkpointing_enable()
        model.enable_input_require_grads()  # otherwise no gradient flows back through a frozen embedding
    return Parent(model, load_tokenizer(ref))


def save_checkpoint(parent: Parent, folder: Path, defaults: InferenceDefaults) -> None:
    """Save weights (or adapter), tokenizer and inference defaults. `folder` appears complete or not at all."""
    with saving(folder), new_folder(folder) as neighbour, quiet():
        parent.model.save_pretrained(neighbour)
        parent.tokenizer.save_pretrained(neighbour)
        defaults.write(neighbour)
        if is_adapter(str(neighbour)):
            (neighbour / "README.md").unlink()  # peft's empty model card template, which contains a local path
            _name_base(neighbour, folder, parent.bare.name_or_path)


def _name_base(neighbour: Path, folder: Path, base: str) -> None:
    """Write which base an adapter needs: the name of a model of the catalog, with its hash; else the base's path.

    The path is relative to the adapter's folder, so that a run can be moved; absolute outside the run.
    """
    config, place = neighbour / ADAPTER_CONFIG, Path(base).resolve()
    record = BaseRecord.read(place)
    if record and record.name:
        record.write(neighbour)
        base = record.name
    elif Path(base).is_dir():
        inside = place.is_relative_to(folder.parent.parent.resolve())
        base = os.path.relpath(place, folder.resolve()) if inside else str(place)
    write_json(config, read_object(config) | {"base_model_name_or_path": base})


def _load_model(tuning: Tuning, ref: str, merged: Path, seed: int) -> Any:
    if tuning.method == "full":
        return load_causal_lm(ref, "fp32")
    if is_adapter(ref) and tuning.between_stages == "continue":
        return _with_old_adapter(_load_frozen(tuning, base_of(ref)), ref)
    base = _merge(ref, merged) if is_adapter(ref) else ref
    return with_new_adapter(_load_frozen(tuning, base), tuning, seed)


def _merge(adapter: str, folder: Path) -> str:
    """Merge an adapter into its base in fp32, because bf16 would round the sum."""
    if not folder.exists():
        with saving(folder), new_folder(folder) as neighbour, quiet():
            load_causal_lm(adapter, "fp32").merge_and_unload().save_pretrained(neighbour)
            load_tokenizer(adapter).save_pretrained(neighbour)
    return str(folder)


def _with_old_adapter(model: Any, ref: str) -> Any:
    from peft import PeftModel

    refuse_pickles(Path(ref))
    with quiet():
        adapted = PeftModel.from_pretrained(model, ref, is_trainable=True).eval()
    # The file names the base relative to itself. peft would not find it from here, and would ask the Hub at every save.
    adapted.peft_config["default"].base_model_name_or_path = model.name_or_path
    return adapted


def with_new_adapter(model: Any, tuning: Tuning, seed: int) -> Any:
    """Add a new LoRA adapter to the layers that the recipe names, its weights drawn from `seed`."""
    import torch
    from peft import get_peft_model

    check_targets(tuning, model)

    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(seed)
        return get_peft_model(model, lora_config(tuning))


def lora_config(tuning: Tuning) -> Any:
    from peft import LoraConfig

    return LoraConfig(
        r=tuning.lora_rank,
        lora_alpha=tuning.lora_alpha,
        lora_dropout=tuning.lora_dropout,
        target_modules=tuning.lora_targets or "all-linear",
        task_type="CAUSAL_LM",
    )


def adapted_layers(tuning: Tuning, model: Any) -> list[Any]:
    """The linear layers of a model that an adapter changes. The model may be on the meta device."""
    from torch import nn

    linear = {name: layer for name, layer in model.named_modules() if isinstance(layer, nn.Linear)}
    if tuning.lora_targets is None:
        return [layer for name, layer in linear.items() if name != "lm_head"]
    return [layer for name, layer in linear.items() if any(_is_named(name, target) for target in tuning.lora_targets)]


def check_targets(tuning: Tuning, model: Any) -> None:
    """InputError if a target of the recipe names no layer of the model; peft would raise at the first stage."""
    names = [name for name, layer in model.named_modules() if not any(layer.children())]
    for target in tuning.lora_targets or ():
        if not any(_is_named(name, target) for name in names):
            known = sorted(
                {name.rpartition(".")[2] for name, layer in model.named_modules() if hasattr(layer, "weight")}
            )
            raise InputError("recipe tuning.lora_targets", f"no layer {target!r}; the base has {', '.join(known)}")


def _is_named(name: str, target: str) -> bool:
    """Whether peft applies a target to the module of this name."""
    return name == target or name.endswith(f".{target}")


def _load_frozen(tuning: Tuning, ref: str) -> Any:
    """Load the base of an adapter, in 4 bits if the recipe asks for it and bitsandbytes is available."""
    ref = resolve(ref)
    config = load_config(ref)
    if is_mxfp4(config):
        return _load_unpacked(ref)
    if not quantizes(tuning, config):
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
    model = AutoModelForCausalLM.from_pretrained(
        ref, quantization_config=four_bit, device_map={"": 0}, use_safetensors=True, **NO_CODE
    )
    return prepare_model_for_kbit_training(model, use_gradient_checkpointing=tuning.gradient_checkpointing)


def _load_unpacked(ref: str) -> Any:
    """Load a model stored in MXFP4 (gpt-oss) in bf16, because gradients cannot flow back through MXFP4 weights."""
    import torch
    from transformers import AutoModelForCausalLM, Mxfp4Config

    with quiet():
        return AutoModelForCausalLM.from_pretrained(
            ref, dtype=torch.bfloat16, quantization_config=Mxfp4Config(dequantize=True), use_safetensors=True, **NO_CODE
        )


def is_mxfp4(config: Any) -> bool:
    """Whether a model is stored in MXFP4, as gpt-oss is."""
    stored = getattr(config, "quantization_config", None) or {}
    return bool(stored.get("quant_method") == "mxfp4")


def quantizes(tuning: Tuning, config: Any) -> bool:
    """Whether the frozen base is quantized to 4 bits. MXFP4 models are not: bitsandbytes does not see their experts.

    Raises InputError if the recipe demands 4 bits and bitsandbytes or a CUDA device is missing.
    """
    if is_mxfp4(config):
        return False
    has_bitsandbytes = find_spec("bitsandbytes") is not None and pick_device(tuning.device).startswith("cuda")
    if tuning.quantize == "4bit" and not has_bitsandbytes:
        raise InputError("recipe tuning.quantize", "'4bit' needs bitsandbytes and a CUDA device; or set it to 'auto'")
    return tuning.quantize != "none" and has_bitsandbytes


def frozen_dtype(tuning: Tuning) -> Any:
    """The dtype of frozen weights. If the computation is in bf16 anyway, an fp32 copy would be cast at every step."""
    return "bf16" if uses_bf16(tuning) else "fp32"
