"""Hugging Face decoders read trees: an attention of ours, in the place where transformers lets one be put.

A model so prepared is called with `tree=`, which goes down to every layer and attends for it; without, it attends as
SDPA does, or refuses what SDPA would leave out. A layer says itself how far its window reaches, so one tree serves
layers of several kinds.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

IMPLEMENTATION = "fliptrace-tree"
SLIDING = "sliding_attention"
# What a layer may ask for beside window and sinks: Gemma 2's cap, a bias by distance.
_NOT_OURS = ("softcap", "position_bias")
_ROPE_BY_LENGTH = ("dynamic", "longrope")


class AttendsToTree(Protocol):
    """What the tokens of a forward pass are shown."""

    def attend(
        self,
        layer: int,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        *,
        scaling: float,
        window: int | None = None,
        sinks: Tensor | None = None,
    ) -> Tensor:
        """query (heads, time, size), key and value (kv heads, time, size), returns (heads, time, size).

        `window` is how many positions a token of this layer sees, its own with them; None: all. `sinks`, (heads,), are
        scores of a key that has nothing to give (gpt-oss).
        """


def read_tree(model: Any, ids: Tensor, positions: Tensor, tree: AttendsToTree, columns: Tensor | int = 0) -> Tensor:
    """The logits of a row, ids and positions (time,), at `columns`, 0 being all of them: (columns, vocab)."""
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
    """Let a model be called with `tree=` from now on."""
    model.set_attn_implementation(IMPLEMENTATION)


@contextmanager
def attending_to_trees(model: Any) -> Iterator[None]:
    """Let a model be called with `tree=` for now: by one thread, as the switch is the model's own."""
    before = model.config._attn_implementation
    attend_to_trees(model)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def why_no_trees(model: Any) -> str | None:
    """Why a Hugging Face decoder cannot be called with `tree=`; None where nothing is known."""
    return next(_objections(model), None)


def _objections(model: Any) -> Iterator[str]:
    name, config = type(model).__name__, model.config.get_text_config()
    takes = inspect.signature(model.forward).parameters
    if getattr(config, "alibi", False):
        yield "ALiBi: attention goes by columns, which are no positions in a tree"
    if not _rope_types(config).isdisjoint(_ROPE_BY_LENGTH):
        yield "rotations that go by the longest sequence of a row, which in a tree is another's"
    missing = [wanted for wanted in ("attention_mask", "position_ids", "logits_to_keep") if wanted not in takes]
    if missing:
        yield f"{name} takes no {missing[0]}"
    kinds = getattr(config, "layer_types", None) or ()
    unknown = [kind for kind in kinds if kind not in ("full_attention", SLIDING)]
    if unknown:
        yield f"layers of kind {unknown[0]!r}: only attention can be told what to see"
    if model._is_stateful:
        yield f"{name} carries a state from column to column, past the end of a branch"
    if not (model._supports_attention_backend and model._can_set_attn_implementation()):
        yield f"{name} keeps its attention to itself"


def _rope_types(config: Any) -> set[str]:
    """Of all kinds of layers."""
    parameters = getattr(config, "rope_parameters", None) or {}
    tables = [parameters, *(value for value in parameters.values() if isinstance(value, dict))]
    return {table["rope_type"] for table in tables if "rope_type" in table}


def _ready_mask(device: torch.device) -> Tensor:
    """transformers takes four dimensions for a mask that is ready, and makes none. Whoever reads it is found out."""
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
    """An attention as transformers calls it: query (batch, heads, time, size); returns (batch, time, heads, size)."""
    asked = [name for name in _NOT_OURS if others.get(name) is not None]
    if asked or (tree is None and s_aux is not None) or (tree is not None and dropout):
        raise ValueError(f"attention with {', '.join(asked) or ('dropout' if dropout else 'sinks')}")
    if tree is None:
        settings = {"scaling": scaling, "dropout": dropout, "sliding_window": sliding_window}
        attended, _ = sdpa_attention_forward(module, query, key, value, attention_mask, **settings, **others)
        return attended, None
    if sliding_window is None and _slides(module):
        raise ValueError(f"{type(module).__name__} slides by a mask alone")
    device = query.device.type
    if torch.is_autocast_enabled(device):  # rotated queries and keys come in fp32
        query, key, value = (each.to(torch.get_autocast_dtype(device)) for each in (query, key, value))
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    of_row = tree.attend(
        module.layer_idx, query[0], key[0], value[0], scaling=scale, window=sliding_window, sinks=s_aux
    )
    return of_row.transpose(0, 1)[None], None


def _slides(module: Any) -> bool:
    """Whether a layer's attention has a window, of which the layer should tell."""
    config = module.config.get_text_config()
    kinds = getattr(config, "layer_types", None)
    if kinds:
        return bool(kinds[module.layer_idx] == SLIDING)
    return getattr(config, "sliding_window", None) is not None and getattr(config, "use_sliding_window", True)


AttentionInterface.register(IMPLEMENTATION, _attend)
AttentionMaskInterface.register(IMPLEMENTATION, sdpa_mask)
