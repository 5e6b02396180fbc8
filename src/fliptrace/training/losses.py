"""The loss of a batch, on its completions alone: rows side by side, rows with soft targets, a row that holds a tree.

The LM head runs over the columns that predict something. Which batch is which is told by what its collation returns
(examples.py, training/packing/tree_batches.py).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from fliptrace.models.trees.attention import read_tree
from fliptrace.models.trees.prefill_attention import PrefillAttention, widen
from fliptrace.models.trees.token_tree import TokenTree
from fliptrace.training.examples import IGNORED


def completion_loss(model: Any, inputs: dict[str, Tensor], num_tokens: int | Tensor | None = None) -> Tensor:
    """Mean cross entropy over the completions' tokens of a batch; the LM head runs over the last positions alone.

    `num_tokens` is what to divide by where several batches make one optimizer step: the tokens of all of them.
    With soft targets the mean is weighted by their shares.
    """
    if "targets" in inputs:
        return _soft_loss(model, inputs)
    if "ends" in inputs:
        return tree_loss(model, inputs, num_tokens)
    labels = inputs["labels"]  # (batch, time), padded on the left
    first = int((labels != IGNORED).any(dim=0).int().argmax())
    num_kept = labels.shape[1] - first + 1
    features = {name: tensor for name, tensor in inputs.items() if name != "labels"}
    logits = model(**features, logits_to_keep=num_kept, use_cache=False).logits  # (batch, num_kept, vocab)
    predicted, wanted = logits[:, :-1].flatten(0, 1).float(), labels[:, first:].flatten()
    if num_tokens is None:
        return cross_entropy(predicted, wanted, ignore_index=IGNORED)
    return cross_entropy(predicted, wanted, ignore_index=IGNORED, reduction="sum") / num_tokens


def _soft_loss(model: Any, inputs: dict[str, Tensor]) -> Tensor:
    """Cross entropy of the targets of `collate_soft`, each by its share."""
    targets, shares = inputs["targets"], inputs["shares"]
    features = {name: inputs[name] for name in ("input_ids", "position_ids", "attention_mask")}
    num_kept = int(inputs["num_read"])
    logits = model(**features, logits_to_keep=num_kept, use_cache=False).logits  # (batch, num_kept, vocab)
    losses = cross_entropy(logits[targets[:, 0], targets[:, 1]].float(), targets[:, 2], reduction="none")
    return (losses * shares).sum() / shares.sum()


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
    logits = read_tree(model, ids, positions, PrefillAttention(tree, device), taught - 1)  # (taught, vocab)
    loss = cross_entropy(logits.float(), labels[taught], reduction="sum")
    return loss / (len(taught) if num_tokens is None else num_tokens)
