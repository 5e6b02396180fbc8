"""The loss of a batch, on its completions only: padded rows, rows with soft targets, or one row with a tree.

The LM head runs only over columns that predict something. The keys of the collated batch (examples.py,
packing/tree_batches.py) tell which kind of batch it is.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from fliptrace.core.errors import RunError
from fliptrace.models.trees.attention import read_tree
from fliptrace.models.trees.prefill_attention import PrefillAttention, widen
from fliptrace.models.trees.token_tree import TokenTree
from fliptrace.training.examples import IGNORED


def completion_loss(model: Any, inputs: dict[str, Tensor], num_tokens: int | Tensor | None = None) -> Tensor:
    """Mean cross entropy over the completion tokens of a batch. The LM head runs only over the last positions.

    If several batches make one optimizer step, `num_tokens` is the number of completion tokens of all of them, by which
    the sum is divided. With soft targets the mean is weighted by their shares, and `num_tokens` is ignored.
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
    predicted, target = logits[:, :-1].flatten(0, 1).float(), labels[:, first:].flatten()
    if num_tokens is None:
        return cross_entropy(predicted, target, ignore_index=IGNORED)
    return cross_entropy(predicted, target, ignore_index=IGNORED, reduction="sum") / num_tokens


def require_finite(loss: Tensor, place: str, step: int, num_steps: int) -> None:
    """RunError if a loss is NaN or infinite: the weights are lost from this step on, and Trainer would hide it."""
    if not torch.isfinite(loss):
        raise RunError(
            place,
            f"the loss is {loss.item()} at step {step:,} of {num_steps:,}, so training has diverged; expected a lower "
            "learning_rate, a longer warm-up, or precision = 'fp32'",
        )


def _soft_loss(model: Any, inputs: dict[str, Tensor]) -> Tensor:
    """Cross entropy of the targets of `collate_soft`, weighted by their shares."""
    targets, shares = inputs["targets"], inputs["shares"]
    features = {name: inputs[name] for name in ("input_ids", "position_ids", "attention_mask")}
    num_kept = int(inputs["num_read"])
    logits = model(**features, logits_to_keep=num_kept, use_cache=False).logits  # (batch, num_kept, vocab)
    losses = cross_entropy(logits[targets[:, 0], targets[:, 1]].float(), targets[:, 2], reduction="none")
    return (losses * shares).sum() / shares.sum()


def tree_loss(model: Any, inputs: dict[str, Tensor], num_tokens: int | Tensor | None = None) -> Tensor:
    """Mean cross entropy over the completion tokens of a tree.

    The model must attend to trees (models/trees/attention.py). If several rows make one optimizer step, `num_tokens` is
    the number of completion tokens of all of them.
    """
    labels = inputs["labels"][0]
    device = labels.device
    narrow = TokenTree(*(inputs[name][0].cpu().numpy() for name in ("input_ids", "position_ids", "ends")))
    tree = widen(narrow, device)
    ids, positions = (torch.from_numpy(array).to(device) for array in (tree.ids, tree.positions))
    labelled = (labels != IGNORED).nonzero()[:, 0]
    logits = read_tree(model, ids, positions, PrefillAttention(tree, device), labelled - 1)  # (labelled, vocab)
    loss = cross_entropy(logits.float(), labels[labelled], reduction="sum")
    return loss / (len(labelled) if num_tokens is None else num_tokens)
