"""What training computes with: its device, its precision, and the attention that suits its batches."""

from __future__ import annotations

from typing import Any

import torch

from fliptrace.models.local.devices import computes_bf16
from fliptrace.models.trees.attention import attend_to_trees
from fliptrace.training.batching import Batching, Trees
from fliptrace.training.recipe_tables import Tuning


def pick_device(device: str) -> str:
    """Resolve `auto` to cuda if available, else cpu."""
    if device != "auto":
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"


def attend_to_batches(model: Any, batching: Batching) -> None:
    """Choose the attention implementation that these batches need, and the fastest one for them."""
    if isinstance(batching, Trees):
        attend_to_trees(model)
    elif model.device.type == "cpu":
        # On short rows, eager attention trains 1.5 to 1.8 times as fast as SDPA (docs/results.md).
        model.set_attn_implementation("eager")


def uses_bf16(tuning: Tuning) -> bool:
    return tuning.precision == "bf16" or (tuning.precision == "auto" and computes_bf16(pick_device(tuning.device)))
