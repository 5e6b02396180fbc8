"""Lay out training examples as one row: shared beginnings of prompts appear once, and completions are not shared.

Loss and gradients equal those of separate examples. Takes token ids, returns numpy arrays. The tree itself is in
models/trees/token_tree.py. The tree of replies to one prompt (models/trees/reply_tree.py) also shares tokens of the
replies, so one of its nodes may predict several tokens.
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
    """A tree and its labels.

    `labels`: (time,), not yet shifted, as in an ordinary row: the column before a label predicts it.
    """

    tree: TokenTree
    labels: NDArray[np.int64]


def branch_of(example: Example) -> Branch:
    """Split an example into the tokens it may share and the rest.

    The last prompt token is not shared: it predicts the first token of the completion, and a column has only one label.
    """
    shareable = example.num_prompt_tokens - 1
    return Branch(example.ids[:shareable], example.ids[shareable:])


def num_shared(one: Example, other: Example) -> int:
    """The tokens that the trees of two examples store once."""
    return token_tree.num_shared(branch_of(one).stem, branch_of(other).stem)


def order_depth_first(examples: Sequence[Example]) -> list[int]:
    """The positions of the examples in depth-first order: each shares most with the one before it."""
    return token_tree.order_depth_first([branch_of(example) for example in examples])


def count_tokens(examples: Sequence[Example]) -> int:
    """The length of the examples' row, without laying it out.

    >>> count_tokens([Example((1, 2, 3, 8), 3), Example((1, 2, 4, 9), 3)])
    6
    """
    return token_tree.count_tokens([branch_of(example) for example in examples])


def lay_out(examples: Sequence[Example]) -> TreeRow:
    """Lay out the tree of these examples, whose order does not matter. Raises ValueError for an empty prompt or reply.

    >>> tree, labels = lay_out([Example((1, 2, 3, 8), 3), Example((1, 2, 4, 9), 3)])
    >>> tree.ids.tolist(), labels.tolist()
    ([1, 2, 3, 8, 4, 9], [-100, -100, -100, 8, -100, 9])
    """
    if not all(0 < example.num_prompt_tokens < len(example) for example in examples):
        raise ValueError("an example without a prompt or without a completion; expected both")
    tree, _, starts = token_tree.lay_out([branch_of(example) for example in examples])
    labels = np.full(len(tree), IGNORED)
    for start, example in zip(starts, examples, strict=True):
        completion = example.ids[example.num_prompt_tokens :]
        labels[start + 1 : start + 1 + len(completion)] = completion
    return TreeRow(tree, labels)
