"""The loss of a row of `collate_tree`: that of its completions, with the LM head over the columns that predict them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from fliptrace.models.row_attention import RowAttention, widen
from fliptrace.models.token_tree import TokenTree
from fliptrace.models.tree_attention import read_tree
from fliptrace.training.examples import IGNORED


def tree_loss(model: Any, inputs: dict[str, Tensor], num_tokens: int | Tensor | None = None) -> Tensor:
    """Mean cross entropy over the completions' tokens; the model attends to trees (tree_attention.attend_to_trees).

    `num_tokens` is what to divide by where several rows make one optimizer step: the tokens of all of them.
    """
    labels = inputs["labels"][0]
    device = labels.device
    narrow = TokenTree(*(inputs[name][0].cpu().numpy() for name in ("input_ids", "position_ids", "ends")))
    tree = widen(narrow, device)
    ids, positions = (torch.from_numpy(array).to(device) for array in (tree.ids, tree.positions))
    taught = (labels != IGNORED).nonzero()[:, 0]
    logits = read_tree(model, ids, positions, RowAttention(tree, device), taught - 1)  # (taught, vocab)
    loss = cross_entropy(logits.float(), labels[taught], reduction="sum")
    return loss / (len(taught) if num_tokens is None else num_tokens)
