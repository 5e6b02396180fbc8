"""Attention over a token tree on a CPU: each block of queries attends to the keys that any of its queries sees.

A block gathers its keys, which are few in a row of several dialogues, and masks those of other branches. The backward
pass recomputes the attention weights, so memory grows only linearly with the row. Matrix products and softmax are
torch's own. A row of 6,901 tokens took a ninth of the time of SDPA with a mask of the whole row (docs/results.md).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fliptrace.models.trees.token_tree import sees

# Queries per block. In a longer block, more of the gathered keys are hidden from most queries; shorter blocks need more
# and smaller products. Of 64, 128 and 256, 128 was the fastest at 9 million weights.
BLOCK = 128


class Block(NamedTuple):
    """Queries `start` to `stop`, the columns of the keys they see, and the bias on their scores.

    columns: (keys,); bias: (queries, keys), None if every query sees every key.
    """

    start: int
    stop: int
    columns: Tensor
    bias: Tensor | None


def cut_blocks(positions: NDArray[np.int64], ends: NDArray[np.int64], window: int | None = None) -> list[Block]:
    """Cut a row into blocks. With a `window`, a query sees keys fewer than `window` positions back.

    >>> [block.columns.tolist() for block in cut_blocks(np.array([0, 1, 1]), np.array([3, 2, 3]))]
    [[0, 1, 2]]
    """
    blocks = []
    for start in range(0, len(ends), BLOCK):
        stop = min(start + BLOCK, len(ends))
        columns = np.flatnonzero(ends[:stop] > start)
        queries = np.arange(start, stop)[:, None]
        visible = sees(queries, columns, ends[columns])  # (queries, keys)
        if window is not None:
            visible &= positions[queries] - positions[columns] < window
            seen = visible.any(axis=0)
            columns, visible = columns[seen], visible[:, seen]
        bias = None
        if not visible.all():
            bias = torch.zeros(visible.shape).masked_fill_(torch.from_numpy(~visible), -torch.inf)
        blocks.append(Block(start, stop, torch.from_numpy(columns), bias))
    return blocks


def attend_in_blocks(
    query: Tensor, key: Tensor, value: Tensor, blocks: list[Block], scaling: float, sinks: Tensor | None = None
) -> Tensor:
    """Attend block by block; differentiable. Returns (heads, time, size).

    query: (heads, time, size); key and value: (kv heads, time, size); sinks: (heads,), the score per head of an extra
    key whose value is zero.
    """
    num_kv_heads, time, size = key.shape
    grouped = query.reshape(num_kv_heads, -1, time, size)
    sinks = None if sinks is None else sinks.reshape(num_kv_heads, -1)
    attended: Tensor = _BlockAttention.apply(grouped, key, value, sinks, blocks, scaling)  # type: ignore[no-untyped-call]
    return attended.flatten(0, 1)


class _BlockAttention(torch.autograd.Function):
    """Forward and backward pass; query: (kv heads, group, time, size), sinks: (kv heads, group)."""

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, sinks: Tensor | None, blocks: list[Block], scaling: float
    ) -> Tensor:
        ctx.save_for_backward(query, key, value, sinks)
        ctx.blocks, ctx.scaling = blocks, scaling
        attended = torch.empty(query.shape, dtype=query.dtype)
        for block in blocks:
            keys, values = key.index_select(1, block.columns), value.index_select(1, block.columns)
            weights = _attention_weights(_of_block(query, block), keys, sinks, block, scaling)[..., : keys.shape[1]]
            _put(attended, block, torch.bmm(weights.to(value.dtype), values))
        return attended

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, sinks = ctx.saved_tensors
        (d_attended,) = gradients
        d_query = torch.empty(query.shape, dtype=query.dtype)
        d_key, d_value = torch.zeros(key.shape), torch.zeros(value.shape)  # fp32: sums over many blocks
        d_sinks = None if sinks is None else torch.zeros(sinks.shape)
        for block in ctx.blocks:
            keys, values = key.index_select(1, block.columns), value.index_select(1, block.columns)
            queries, d_block = _of_block(query, block), _of_block(d_attended, block)
            shares = _attention_weights(queries, keys, sinks, block, ctx.scaling)
            weights = shares[..., : keys.shape[1]]
            d_value.index_add_(1, block.columns, torch.bmm(weights.to(value.dtype).mT, d_block).float())
            d_weights = torch.bmm(d_block, values.mT).float()
            if d_sinks is not None:
                of_queries = shares[..., -1] * (weights * d_weights).sum(-1)  # (kv heads, group x queries)
                d_sinks -= of_queries.view(*d_sinks.shape, -1).sum(-1)
            d_scores = torch.ops.aten._softmax_backward_data(d_weights, weights, -1, torch.float32)
            d_scores = d_scores.mul_(ctx.scaling).to(key.dtype)
            _put(d_query, block, torch.bmm(d_scores, keys))
            d_key.index_add_(1, block.columns, torch.bmm(d_scores.mT, queries).float())
        d_sinks = None if d_sinks is None else d_sinks.to(sinks.dtype)
        return d_query, d_key.to(key.dtype), d_value.to(value.dtype), d_sinks, None, None


def _of_block(tensor: Tensor, block: Block) -> Tensor:
    """Select the queries of a block: (kv heads, group, time, size) to (kv heads, group x queries, size)."""
    return tensor[:, :, block.start : block.stop].flatten(1, 2)


def _put(tensor: Tensor, block: Block, of_block: Tensor) -> None:
    """Write a block's values back into the whole tensor; the inverse of `_of_block`."""
    place = tensor[:, :, block.start : block.stop]
    place.copy_(of_block.view(place.shape))


def _attention_weights(queries: Tensor, keys: Tensor, sinks: Tensor | None, block: Block, scaling: float) -> Tensor:
    """Return the softmax weights in fp32, (kv heads, group x queries, keys); with sinks, one more column at the end."""
    scores = torch.bmm(queries, keys.mT).float().mul_(scaling)
    if block.bias is not None:
        scores.view(len(scores), -1, *block.bias.shape).add_(block.bias)
    if sinks is None:
        return torch.softmax(scores, dim=-1)
    of_sinks = sinks.float().repeat_interleave(block.stop - block.start, dim=1)  # (kv heads, group x queries)
    return torch.softmax(torch.cat([scores, of_sinks[..., None]], dim=-1), dim=-1)
