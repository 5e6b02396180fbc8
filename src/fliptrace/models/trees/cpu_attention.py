"""Attention over a token tree on a CPU: each block of queries attends to the keys that any of its queries sees.

A block gathers its keys, which are few in a row of several dialogues, and masks those of other branches. The backward
pass recomputes the attention weights, in the dtype of the queries, so memory grows only linearly with the row. Products
and softmax are torch's own. A row of 6,901 tokens took a ninth of the time of SDPA with a mask of the
whole row (docs/results.md).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from fliptrace.models.trees.attention import LayerStates
from fliptrace.models.trees.token_tree import sees

# Queries per block. In a longer block, more of the gathered keys are hidden from most queries; shorter blocks need more
# and smaller products. Of 64, 128 and 256, 128 was the fastest at 9 million weights.
BLOCK = 128
_COLUMN_STEP = 32


class Block(NamedTuple):
    """Queries `start` to `stop`, the columns of the keys they see, and the bias on their scores.

    columns: (keys,), padded with column 0; bias: (queries, keys), 0 or -inf, None if every query sees every key.
    """

    start: int
    stop: int
    columns: Tensor
    bias: Tensor | None


def cut_blocks(
    positions: NDArray[np.int64], ends: NDArray[np.int64], dtype: torch.dtype, window: int | None = None
) -> list[Block]:
    """Cut a row into blocks. With a `window`, a query sees keys fewer than `window` positions back.

    `dtype` is that of the queries. In a long row columns are padded, since odd widths are slow to multiply.

    >>> [block.columns.tolist() for block in cut_blocks(np.array([0, 1, 1]), np.array([3, 2, 3]), torch.float32)]
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
        padding = -len(columns) % _COLUMN_STEP if len(columns) > _COLUMN_STEP else 0
        columns, visible = np.pad(columns, (0, padding)), np.pad(visible, ((0, 0), (0, padding)))
        bias = None
        if not visible.all():
            bias = torch.zeros(visible.shape, dtype=dtype).masked_fill_(torch.from_numpy(~visible), -torch.inf)
        blocks.append(Block(start, stop, torch.from_numpy(columns), bias))
    return blocks


def attend_in_blocks(states: LayerStates, blocks: list[Block]) -> Tensor:
    """Attend block by block; differentiable. Returns (heads, time, size). `blocks` are cut for the layer's window."""
    _, query, key, value, scaling, _, sinks = states
    num_kv_heads, time, size = key.shape
    grouped = (query * scaling).view(num_kv_heads, -1, time, size)
    sinks = None if sinks is None else sinks.reshape(num_kv_heads, -1)
    attended: Tensor = _BlockAttention.apply(grouped, key, value, sinks, blocks)  # type: ignore[no-untyped-call]
    return attended.flatten(0, 1)


class _BlockAttention(torch.autograd.Function):
    """Forward and backward pass; query: scaled, (kv heads, group, time, size), sinks: (kv heads, group)."""

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, sinks: Tensor | None, blocks: list[Block]
    ) -> Tensor:
        ctx.save_for_backward(query, key, value, sinks)
        ctx.blocks = blocks
        attended = torch.empty(query.shape, dtype=query.dtype)
        for block in blocks:
            keys, values = key.index_select(1, block.columns), value.index_select(1, block.columns)
            _put(attended, block, _attend(_of_block(query, block), keys, values, sinks, block))
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
            shares = _attention_weights(queries, keys, sinks, block)
            weights = shares[..., : keys.shape[1]]
            d_value.index_add_(1, block.columns, torch.bmm(weights.mT, d_block).float())
            d_weights = torch.bmm(d_block, values.mT)
            if d_sinks is not None:
                of_queries = shares[..., -1].float() * (weights * d_weights).float().sum(
                    -1
                )  # (kv heads, group x queries)
                d_sinks -= of_queries.view(*d_sinks.shape, -1).sum(-1)
            d_scores = torch.ops.aten._softmax_backward_data(d_weights, weights, -1, weights.dtype)
            _put(d_query, block, torch.bmm(d_scores, keys))
            d_key.index_add_(1, block.columns, torch.bmm(d_scores.mT, queries).float())
        d_sinks = None if d_sinks is None else d_sinks.to(sinks.dtype)
        return d_query, d_key.to(key.dtype), d_value.to(value.dtype), d_sinks, None


def _of_block(tensor: Tensor, block: Block) -> Tensor:
    """Select the queries of a block: (kv heads, group, time, size) to (kv heads, group x queries, size)."""
    return tensor[:, :, block.start : block.stop].flatten(1, 2)


def _put(tensor: Tensor, block: Block, of_block: Tensor) -> None:
    """Write a block's values back into the whole tensor; the inverse of `_of_block`."""
    place = tensor[:, :, block.start : block.stop]
    place.copy_(of_block.view(place.shape))


def _attend(queries: Tensor, keys: Tensor, values: Tensor, sinks: Tensor | None, block: Block) -> Tensor:
    """Attend in one block, (kv heads, group x queries, size). SDPA keeps the scores in fp32, but knows no sinks."""
    if sinks is not None:
        return torch.bmm(_attention_weights(queries, keys, sinks, block)[..., : keys.shape[1]], values)
    num_kv_heads, _, size = keys.shape
    of_heads = queries.view(1, -1, block.stop - block.start, size)
    group = of_heads.shape[1] // num_kv_heads
    of_keys, of_values = (each.repeat_interleave(group, dim=0)[None] for each in (keys, values))
    attended = scaled_dot_product_attention(of_heads, of_keys, of_values, attn_mask=block.bias, scale=1.0)
    return attended.view(queries.shape)


def _attention_weights(queries: Tensor, keys: Tensor, sinks: Tensor | None, block: Block) -> Tensor:
    """Return the softmax weights, (kv heads, group x queries, keys); with sinks, one more column at the end.

    torch computes the softmax in fp32 and rounds the weights to the dtype of the scores.
    """
    scores = torch.bmm(queries, keys.mT)
    if block.bias is not None:
        scores.view(len(scores), -1, *block.bias.shape).add_(block.bias)
    if sinks is None:
        return torch.softmax(scores, dim=-1)
    of_sinks = sinks.to(scores.dtype).repeat_interleave(block.stop - block.start, dim=1)  # (kv heads, group x queries)
    return torch.softmax(torch.cat([scores, of_sinks[..., None]], dim=-1), dim=-1)
