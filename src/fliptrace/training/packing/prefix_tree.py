"""Training examples as one row: the beginnings that their prompts share stand once, every completion by itself.

Loss and gradients are those of the examples apart. Token ids in, numpy arrays out. Not here: the tree itself
(models/trees/token_tree.py); the tree of replies to one prompt (models/trees/reply_tree.py), which shares tokens of the
replies too, and whose nodes therefore predict several tokens each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fliptrace.models.trees import token_tree
from fliptrace.models.trees.token_tree import Branch, TokenTree
from fliptrace.training.examples import IGNORED, Example


class TreeRow(NamedTuple):
    """`labels`, (time,), are those of an ordinary row, not yet shifted: the column before a label predicts it."""

    tree: TokenTree
    labels: NDArray[np.int64]


def branch_of(example: Example) -> Branch:
    """What may be shared are the prompt's tokens but for the last.

    That one predicts the completion's first, and a column has room for one label behind it.
    """
    shareable = example.num_prompt_tokens - 1
    return Branch(example.ids[:shareable], example.ids[shareable:])


def order_depth_first(examples: Sequence[Example]) -> list[int]:
    """Their places in the order in which a tree holds them: each shares most with the one before it."""
    return token_tree.order_depth_first([branch_of(example) for example in examples])


def count_tokens(examples: Sequence[Example]) -> int:
    """The length of their row, without laying it out.

    >>> count_tokens([Example((1, 2, 3, 8), 3), Example((1, 2, 4, 9), 3)])
    6
    """
    return token_tree.count_tokens([branch_of(example) for example in examples])


def lay_out(examples: Sequence[Example]) -> TreeRow:
    """The tree of these examples; their order changes nothing. ValueError where a prompt or a completion is empty.

    >>> tree, labels = lay_out([Example((1, 2, 3, 8), 3), Example((1, 2, 4, 9), 3)])
    >>> tree.ids.tolist(), labels.tolist()
    ([1, 2, 3, 8, 4, 9], [-100, -100, -100, 8, -100, 9])
    """
    if not all(0 < example.num_prompt_tokens < len(example) for example in examples):
        raise ValueError("an example without a prompt or without a completion")
    tree, _, starts = token_tree.lay_out([branch_of(example) for example in examples])
    labels = np.full(len(tree), IGNORED)
    for start, example in zip(starts, examples, strict=True):
        completion = example.ids[example.num_prompt_tokens :]
        labels[start + 1 : start + 1 + len(completion)] = completion
    return TreeRow(tree, labels)
