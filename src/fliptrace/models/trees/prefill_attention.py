"""Attention over one row that holds a token tree, differentiable: in blocks on a CPU, else by FlexAttention."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import AuxRequest, create_block_mask, flex_attention

from fliptrace.models.trees.attention import LayerStates
from fliptrace.models.trees.cpu_attention import Block, attend_in_blocks, cut_blocks
from fliptrace.models.trees.token_tree import TokenTree, sees

_FLEX_STEP = 128  # block size of FlexAttention; rows padded to multiples of it have few distinct widths to compile


def widen(tree: TokenTree, device: torch.device) -> TokenTree:
    """Pad the tree at the end to a row width suited to attention on that device; all columns keep their place."""
    width = len(tree) if device.type == "cpu" else -(-len(tree) // _FLEX_STEP) * _FLEX_STEP
    return tree.padded(width, pad_id=0)


class PrefillAttention:
    """Implements attention.AttendsToTree for one row, in which each token sees its ancestors (token_tree.py).

    With `keeps`, the keys and values of every layer are stored in `kept`, each (kv heads, time, size).
    """

    def __init__(self, tree: TokenTree, device: torch.device, *, keeps: bool = False) -> None:
        self.tree, self.device, self.keeps = tree, device, keeps
        self.kept: dict[int, tuple[Tensor, Tensor]] = {}
        self._blocks: dict[int | None, list[Block]] = {}  # by window
        self._masks: dict[int | None, Any] = {}

    def attend(self, states: LayerStates) -> Tensor:
        """See attention.AttendsToTree."""
        if self.keeps:
            self.kept[states.layer] = (states.key, states.value)
        if self.device.type != "cpu":
            return self.attend_by_flex(states)
        if states.window not in self._blocks:
            blocks = cut_blocks(self.tree.positions, self.tree.ends, states.query.dtype, states.window)
            self._blocks[states.window] = blocks
        return attend_in_blocks(states, self._blocks[states.window])

    def attend_by_flex(self, states: LayerStates) -> Tensor:
        """Attend by FlexAttention on any device. On a CPU it has no backward pass."""
        _, query, key, value, scaling, window, sinks = states
        if window not in self._masks:
            self._masks[window] = self._mask(window)
        attend = _flex_for(self.device.type)
        named = {"block_mask": self._masks[window], "scale": scaling, "enable_gqa": True}
        if sinks is None:
            attended: Tensor = attend(query[None], key[None], value[None], **named)
            return attended[0]
        attended, aux = attend(query[None], key[None], value[None], **named, return_aux=AuxRequest(lse=True))
        kept = torch.sigmoid(aux.lse[0] - sinks[:, None])  # (heads, time), the share left by the sink
        return attended[0] * kept[..., None].to(attended.dtype)

    def _mask(self, window: int | None) -> Any:
        tree, length = self.tree, len(self.tree)
        positions, ends = (torch.from_numpy(array).int().to(self.device) for array in (tree.positions, tree.ends))

        def is_above(batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
            above: Tensor = sees(query, key, ends[key])
            return above

        def is_near(batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
            assert window is not None
            return is_above(batch, head, query, key) & (positions[query] - positions[key] < window)

        visible = is_above if window is None else is_near
        return create_block_mask(visible, None, None, length, length, device=self.device)


@cache
def _flex_for(device: str) -> Any:
    """Return FlexAttention, compiled on CUDA and plain elsewhere."""
    return torch.compile(flex_attention) if device == "cuda" else flex_attention
