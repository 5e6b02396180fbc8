"""Runs Hugging Face decoders on token trees, through an attention function registered with transformers.

After the switch, a model can be called with `tree=`. That object is passed to every layer and computes its attention.
Without `tree=`, the model uses SDPA, and settings that SDPA would ignore raise an error. Each layer states the length
of its own window, so one tree serves layers of several kinds.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

IMPLEMENTATION = "fliptrace-tree"
SLIDING = "sliding_attention"
# Attention settings we do not implement: Gemma 2's soft cap and a bias by distance.
_UNSUPPORTED = ("softcap", "position_bias")
_ROPE_BY_LENGTH = ("dynamic", "longrope")


class LayerStates(NamedTuple):
    """What one layer attends with: query (heads, time, size), key and value (kv heads, time, size).

    `window` is the number of positions that a token of this layer sees, including its own; None means all. `sinks`,
    (heads,), are the scores of an extra key whose value is zero (gpt-oss).
    """

    layer: int
    query: Tensor
    key: Tensor
    value: Tensor
    scaling: float
    window: int | None
    sinks: Tensor | None


class AttendsToTree(Protocol):
    """Computes attention in one forward pass; it decides which tokens each token sees."""

    def attend(self, states: LayerStates) -> Tensor:
        """Attend in one layer. Returns (heads, time, size)."""


def read_tree(model: Any, ids: Tensor, positions: Tensor, tree: AttendsToTree, columns: Tensor | int = 0) -> Tensor:
    """Run the model on a row and return the logits at `columns`, (columns, vocab); 0 means all columns.

    ids and positions: (time,).
    """
    output = model(
        input_ids=ids[None],
        position_ids=positions[None],
        attention_mask=_ready_mask(ids.device),
        logits_to_keep=columns,
        use_cache=False,
        tree=tree,
    )
    logits: Tensor = output.logits[0]
    return logits


def attend_to_trees(model: Any) -> None:
    """Switch a model to tree attention permanently, so that it can be called with `tree=`."""
    model.set_attn_implementation(IMPLEMENTATION)


@contextmanager
def attending_to_trees(model: Any) -> Iterator[None]:
    """Switch a model to tree attention within the context. Not thread-safe: the switch changes the model's config."""
    before = model.config._attn_implementation
    attend_to_trees(model)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def why_no_trees(model: Any) -> str | None:
    """Return the reason why a Hugging Face decoder cannot run on trees; None if no reason is known."""
    return next(_objections(model), None)


def _objections(model: Any) -> Iterator[str]:
    model_type, config = type(model).__name__, model.config.get_text_config()
    parameters = inspect.signature(model.forward).parameters
    if getattr(config, "alibi", False):
        yield "ALiBi: attention depends on columns, which are not positions in a tree"
    if not _rope_types(config).isdisjoint(_ROPE_BY_LENGTH):
        yield "RoPE scaled by the longest sequence in the row, which in a tree may be another branch"
    missing = [name for name in ("attention_mask", "position_ids", "logits_to_keep") if name not in parameters]
    if missing:
        yield f"{model_type} does not accept {missing[0]}"
    kinds = getattr(config, "layer_types", None) or ()
    unknown = [kind for kind in kinds if kind not in ("full_attention", SLIDING)]
    if unknown:
        yield f"layers of kind {unknown[0]!r}: only attention layers can run on a tree"
    if model._is_stateful:
        yield f"{model_type} carries a state from column to column, past the end of a branch"
    if not (model._supports_attention_backend and model._can_set_attn_implementation()):
        yield f"{model_type} does not let its attention be replaced"


def _rope_types(config: Any) -> set[str]:
    """Return the RoPE types of all kinds of layers."""
    rope = getattr(config, "rope_parameters", None) or {}
    tables = [rope, *(value for value in rope.values() if isinstance(value, dict))]
    return {table["rope_type"] for table in tables if "rope_type" in table}


def _ready_mask(device: torch.device) -> Tensor:
    """Return a 4D mask, which transformers passes on unchanged; NaN, so that a model that uses it gives NaN."""
    return torch.full((1, 1, 1, 1), torch.nan, device=device)


def _attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    s_aux: Tensor | None = None,
    tree: AttendsToTree | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """Attention with the signature of transformers: query (batch, heads, time, size) to (batch, time, heads, size).

    ValueError for settings that are not supported.
    """
    unsupported = [name for name in _UNSUPPORTED if others.get(name) is not None]
    if unsupported or (tree is None and s_aux is not None) or (tree is not None and dropout):
        setting = ", ".join(unsupported) or ("dropout" if dropout else "sinks")
        raise ValueError(f"attention with {setting} is not supported")
    if tree is None:
        settings = {"scaling": scaling, "dropout": dropout, "sliding_window": sliding_window}
        attended, _ = sdpa_attention_forward(module, query, key, value, attention_mask, **settings, **others)
        return attended, None
    if sliding_window is None and _slides(module):
        raise ValueError(f"{type(module).__name__} applies its sliding window in the mask only")
    device = query.device.type
    if torch.is_autocast_enabled(device):  # rotated queries and keys arrive in fp32
        query, key, value = (each.to(torch.get_autocast_dtype(device)) for each in (query, key, value))
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    of_row = tree.attend(LayerStates(module.layer_idx, query[0], key[0], value[0], scale, sliding_window, s_aux))
    return of_row.transpose(0, 1)[None], None


def _slides(module: Any) -> bool:
    """Whether the config gives this layer a sliding window, which the layer should then pass to its attention."""
    config = module.config.get_text_config()
    kinds = getattr(config, "layer_types", None)
    if kinds:
        return bool(kinds[module.layer_idx] == SLIDING)
    return getattr(config, "sliding_window", None) is not None and getattr(config, "use_sliding_window", True)


AttentionInterface.register(IMPLEMENTATION, _attend)
AttentionMaskInterface.register(IMPLEMENTATION, sdpa_mask)
