"""Decodes with tree attention (attention.py): prefixes shared by prompts are prefilled once, and each prompt is
prefilled once for all its replies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fliptrace.models.trees.attention import read_tree
from fliptrace.models.trees.decode_attention import DecodeAttention, Prompts
from fliptrace.models.trees.prefill_attention import PrefillAttention, widen
from fliptrace.models.trees.token_tree import Branch, lay_out, num_shared

# Prompt tokens per forward pass, shared tokens counted once: enough to keep two CPU cores busy.
_PREFILL_TOKENS = 8_192


class TreeReader:
    """Implements local.model.PromptReader for a model that is switched to tree attention."""

    def __init__(self, model: Any) -> None:
        self.model = model

    @staticmethod
    def order(prompt: Sequence[int]) -> Any:
        """Sort key that keeps prompts on one dialogue together."""
        return tuple(prompt)

    @staticmethod
    def num_cached(num_prompts: int, longest: int, num_replies: int, max_new_tokens: int) -> int:
        return num_prompts * (longest + num_replies * max_new_tokens)

    def read(self, prompts: Sequence[Sequence[int]], num_replies: int, max_new_tokens: int) -> Tensor:
        kept = Prompts([len(prompt) for prompt in prompts], self.model.device)
        branches = [Branch(tuple(prompt[:-1]), tuple(prompt[-1:])) for prompt in prompts]
        logits = []
        for rows in _cut_rows(branches):
            narrow, stems, starts = lay_out(branches[rows])
            tree = widen(narrow, self.model.device)
            row = PrefillAttention(tree, self.model.device, keeps=True)
            ids, positions = (torch.from_numpy(array).to(self.model.device) for array in (tree.ids, tree.positions))
            logits.append(read_tree(self.model, ids, positions, row, torch.tensor(starts, device=ids.device)))
            for number, (stem, start) in enumerate(zip(stems, starts, strict=True), rows.start):
                kept.take(number, row, np.append(stem, start))
        replies = torch.arange(len(prompts), device=self.model.device).repeat_interleave(num_replies)
        self._branches = DecodeAttention(kept, replies, max_new_tokens)
        return torch.cat(logits).float()

    def step(self, tokens: Tensor) -> Tensor:
        return read_tree(self.model, tokens, self._branches.advance(), self._branches).float()

    def keep(self, kept: Tensor) -> None:
        self._branches.keep(kept)


def _cut_rows(branches: Sequence[Branch]) -> Iterator[slice]:
    """Yield slices of neighbouring branches that fit into one row."""
    start, num_tokens = 0, 0
    for place, (stem, tail, _) in enumerate(branches):
        length = len(stem) + len(tail)
        shared = num_shared(branches[place - 1].stem, stem) if place > start else 0
        if place > start and num_tokens + length - shared > _PREFILL_TOKENS:
            yield slice(start, place)
            start, num_tokens, shared = place, 0, 0
        num_tokens += length - shared
    yield slice(start, len(branches))
