"""Attention for decoding one token per reply, which sees its prompt and the reply's own tokens so far.

The keys and values of a prompt are stored once for all its replies, whose queries attend to them in one product. Each
reply also stores its own keys and values. The two partial results are combined by the sums of their weights, which
equals one softmax over both. Source: Athiwaratkun et al., "Bifurcated attention" (2024).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fliptrace.models.trees.attention import LayerStates
from fliptrace.models.trees.prefill_attention import PrefillAttention


class Prompts:
    """Cached keys and values of several prompts: one pair per layer, each (prompts, kv heads, longest, size).

    Shorter prompts are padded with zeros at the end.
    """

    def __init__(self, lengths: Sequence[int], device: torch.device) -> None:
        self.lengths = torch.tensor(lengths, device=device)
        self.layers: dict[int, tuple[Tensor, Tensor]] = {}

    def take(self, prompt: int, row: PrefillAttention, columns: NDArray[np.int64]) -> None:
        """Copy the keys and values of one prompt from `columns` of a prefilled row that kept them."""
        picked = torch.from_numpy(columns).to(self.lengths.device)
        for layer, read in row.kept.items():
            if layer not in self.layers:
                heads, _, size = read[0].shape
                shape = (len(self.lengths), heads, int(self.lengths.max()), size)
                self.layers[layer] = (read[0].new_zeros(shape), read[1].new_zeros(shape))
            for own, of_row in zip(self.layers[layer], read, strict=True):
                own[prompt, :, : len(columns)] = of_row.index_select(1, picked)

    def keep(self, kept: Tensor) -> None:
        """Keep only these prompts; `kept` are their indices, (prompts kept,)."""
        self.lengths = self.lengths[kept]
        longest = int(self.lengths.max())
        for layer, (keys, values) in self.layers.items():  # one layer at a time, to limit peak memory
            self.layers[layer] = (keys[kept, :, :longest], values[kept, :, :longest])


class DecodeAttention:
    """Implements attention.AttendsToTree for decoding steps: column i of a row is the next token of reply i.

    `replies` holds the prompt index of each reply, (replies,); replies to the same prompt are adjacent. Call `advance`
    before every step.
    """

    def __init__(self, prompts: Prompts, replies: Tensor, max_new_tokens: int) -> None:
        self.prompts, self.replies, self.max_new_tokens = prompts, replies, max_new_tokens
        self.step = -1  # index of the current step
        self._own: dict[int, tuple[Tensor, Tensor]] = {}  # by layer: (replies, kv heads, max_new_tokens, size)
        self._grid = _Grid.of(replies, len(prompts.lengths))
        self._hidden: dict[int | None, Tensor] = {}  # by window, for the current step

    def advance(self) -> Tensor:
        """Start the next step and return the positions of its tokens, (replies,)."""
        self.step += 1
        self._hidden.clear()
        return self.prompts.lengths[self.replies] + self.step

    def keep(self, kept: Tensor) -> None:
        """Keep only these replies, (replies kept,). Prompts without replies are dropped once they are at least half."""
        self.replies = self.replies[kept]
        for layer, (keys, values) in self._own.items():  # one layer at a time, to limit peak memory
            self._own[layer] = (keys[kept], values[kept])
        used, renumbered = torch.unique(self.replies, return_inverse=True)
        if 2 * len(used) <= len(self.prompts.lengths):
            self.prompts.keep(used)
            self.replies = renumbered
        self._grid = _Grid.of(self.replies, len(self.prompts.lengths))

    def attend(self, states: LayerStates) -> Tensor:
        """See attention.AttendsToTree."""
        layer, query, key, value, scaling, window, sinks = states
        num_kv_heads, num_replies, size = key.shape
        # (replies, kv heads, group, size)
        queries = query.reshape(num_kv_heads, -1, num_replies, size).permute(2, 0, 1, 3) * scaling
        parts = [
            self._attend_to_prompts(layer, queries, window),
            self._attend_to_own(layer, queries, key, value, window),
        ]
        if sinks is not None:
            zero = torch.zeros((), device=query.device)
            parts.append(_Part(zero, sinks.float().view(1, num_kv_heads, -1)))
        joined = _join(parts).to(query.dtype)  # (replies, kv heads, group, size)
        return joined.permute(1, 2, 0, 3).flatten(0, 1)

    def _attend_to_prompts(self, layer: int, queries: Tensor, window: int | None) -> _Part:
        keys, values = self.prompts.layers[layer]
        grid, (num_prompts, heads, longest, size) = self._grid, keys.shape
        group = queries.shape[2]
        in_grid = queries.new_zeros(num_prompts * grid.width, heads, group, size)
        in_grid[grid.places] = queries
        in_grid = in_grid.view(num_prompts, grid.width, heads, group, size).transpose(1, 2).flatten(2, 3).flatten(0, 1)
        hidden = self._hide(longest, window).repeat_interleave(heads, dim=0)[:, None]
        part = _attend(in_grid, keys.flatten(0, 1), values.flatten(0, 1), hidden)

        def of_replies(tensor: Tensor) -> Tensor:
            by_prompt = tensor.view(num_prompts, heads, grid.width, group, *tensor.shape[2:]).transpose(1, 2)
            return by_prompt.flatten(0, 1)[grid.places]

        return _Part(of_replies(part.attended), of_replies(part.log_sum))

    def _hide(self, longest: int, window: int | None) -> Tensor:
        """Return the bias on the scores of the prompts' keys in this step, (prompts, longest)."""
        if window not in self._hidden:
            lengths = self.prompts.lengths[:, None]
            columns = torch.arange(longest, device=lengths.device)
            hidden = columns >= lengths
            if window is not None:
                hidden |= lengths + self.step - columns >= window
            bias = torch.zeros(hidden.shape, device=lengths.device)
            self._hidden[window] = bias.masked_fill_(hidden, torch.finfo(torch.float32).min)
        return self._hidden[window]

    def _attend_to_own(self, layer: int, queries: Tensor, key: Tensor, value: Tensor, window: int | None) -> _Part:
        if layer not in self._own:
            heads, num_replies, size = key.shape
            shape = (num_replies, heads, self.max_new_tokens, size)
            self._own[layer] = (key.new_empty(shape), value.new_empty(shape))
        keys, values = self._own[layer]
        keys[:, :, self.step], values[:, :, self.step] = key.transpose(0, 1), value.transpose(0, 1)
        seen = slice(0 if window is None else max(0, self.step + 1 - window), self.step + 1)
        part = _attend(queries.flatten(0, 1), keys.flatten(0, 1)[:, seen], values.flatten(0, 1)[:, seen], None)
        return _Part(*(tensor.view(*queries.shape[:2], *tensor.shape[1:]) for tensor in part))


class _Grid(NamedTuple):
    """A grid of prompts x `width`, the largest number of replies to a prompt; `places` holds each reply's cell."""

    width: int
    places: Tensor  # (replies,)

    @classmethod
    def of(cls, replies: Tensor, num_prompts: int) -> _Grid:
        counts = torch.bincount(replies, minlength=num_prompts)
        width = int(counts.max())
        firsts = counts.cumsum(0) - counts
        ranks = torch.arange(len(replies), device=replies.device) - firsts[replies]
        return cls(width, replies * width + ranks)


class _Part(NamedTuple):
    """Attention over some of the keys, (..., size), and the log of the sum of their exponentiated scores, (...)."""

    attended: Tensor
    log_sum: Tensor


def _attend(queries: Tensor, keys: Tensor, values: Tensor, bias: Tensor | None) -> _Part:
    """Attend to some keys; queries (batch, queries, size), already scaled, keys and values (batch, keys, size).

    bias: broadcastable to (batch, queries, keys).
    """
    scores = torch.bmm(queries, keys.mT).float()
    if bias is not None:
        scores += bias
    weights = torch.softmax(scores, dim=-1)
    attended = torch.bmm(weights.to(values.dtype), values)
    # The largest weight is exp(highest score - log_sum), so two maxima replace a logsumexp, which costs more.
    return _Part(attended.float(), scores.amax(-1) - weights.amax(-1).log())


def _join(parts: Sequence[_Part]) -> Tensor:
    """Combine the parts into the result of one softmax over all their keys."""
    highest = reduce(torch.maximum, (part.log_sum for part in parts))
    shares = [(part.log_sum - highest).exp()[..., None] for part in parts]
    scaled = [part.attended * share for part, share in zip(parts, shares, strict=True)]
    return reduce(torch.add, scaled) / reduce(torch.add, shares)
