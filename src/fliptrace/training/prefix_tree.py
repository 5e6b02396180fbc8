"""Training examples as one row: the beginnings that their prompts share stand once, every completion by itself.

The prompts make a tree of tokens, laid out depth first; a token sees its own ancestors alone, at the position it has
in its example, so that loss and gradients are those of the examples apart. Dialogues side by side are no special case:
they share the system message, or nothing. Token ids in, numpy arrays out. Not here: how a model is made to see so
(tree_attention.py); the tree of replies to one prompt (models/reply_tree.py), which shares tokens of the replies too,
and whose nodes therefore predict several tokens each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fliptrace.training.examples import IGNORED, Example


@dataclass(frozen=True, slots=True)
class TreeRow:
    """One token a column, all arrays (time,); `ends`: the column after the last of those that descend from this one.

    `labels` are those of an ordinary row, not yet shifted: the token before a label is its parent, and predicts it.
    """

    ids: NDArray[np.int64]
    positions: NDArray[np.int64]
    labels: NDArray[np.int64]
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ids)


def sees(query: Any, key: Any, end: Any) -> Any:
    """Whether the token in column `query` sees that in column `key`, whose `ends` is `end`: arrays or tensors alike.

    >>> columns, ends = np.arange(4), np.array([4, 3, 3, 4])  # a trunk, a branch of two, a branch of one
    >>> sees(columns[:, None], columns, ends).astype(int).tolist()
    [[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 0, 0, 1]]
    """
    return (key <= query) & (query < end)


def num_shared(left: Example, right: Example) -> int:
    """Tokens that two examples share: their prompts' common beginning, but never the last token of either prompt.

    That one predicts the completion's first, and a column has room for one label behind it.
    """
    most = min(left.num_prompt_tokens, right.num_prompt_tokens) - 1
    pairs = zip(left.ids[:most], right.ids[:most], strict=True)
    return next((depth for depth, (a, b) in enumerate(pairs) if a != b), most)


def order_depth_first(examples: Sequence[Example]) -> list[int]:
    """Their places in the order in which a tree holds them: each shares most with the one before it."""
    # Sorted by what can be shared. By all ids, an example of a short prompt would part others that share more.
    shareable = [example.ids[: example.num_prompt_tokens - 1] for example in examples]
    return sorted(range(len(examples)), key=lambda place: (shareable[place], examples[place].ids))


def lay_out(examples: Sequence[Example]) -> TreeRow:
    """The tree of these examples; their order changes nothing. ValueError where a prompt or a completion is empty.

    >>> row = lay_out([Example((1, 2, 3, 8), 3), Example((1, 2, 4, 9), 3)])
    >>> row.ids.tolist(), row.positions.tolist(), row.ends.tolist()
    ([1, 2, 3, 8, 4, 9], [0, 1, 2, 3, 2, 3], [6, 6, 4, 4, 6, 6])
    >>> row.labels.tolist()
    [-100, -100, -100, 8, -100, 9]
    """
    if not all(0 < example.num_prompt_tokens < len(example) for example in examples):
        raise ValueError("an example without a prompt or without a completion")
    ids: list[int] = []
    positions: list[int] = []
    labels: list[int] = []
    # At most as long as the examples apart; what is shared is cut off below.
    ends = np.zeros(sum(map(len, examples)), dtype=np.int64)
    path = np.zeros(0, dtype=np.int64)  # the columns of the example before
    before: Example | None = None
    for place in order_depth_first(examples):
        example = examples[place]
        shared = num_shared(before, example) if before else 0
        new = np.arange(len(ids), len(ids) + len(example) - shared)
        path = np.concatenate([path[:shared], new])
        ids += example.ids[shared:]
        positions += range(shared, len(example))
        labels += [IGNORED] * (example.num_prompt_tokens - shared)
        labels += example.ids[example.num_prompt_tokens :]
        ends[path] = len(ids)
        before = example
    return TreeRow(_array(ids), _array(positions), _array(labels), ends[: len(ids)])


def count_tokens(examples: Sequence[Example]) -> int:
    """The length of their row, without laying it out.

    >>> count_tokens([Example((1, 2, 3, 8), 3), Example((1, 2, 4, 9), 3)])
    6
    """
    ordered = [examples[place] for place in order_depth_first(examples)]
    return sum(map(len, ordered)) - sum(num_shared(*pair) for pair in pairwise(ordered))


def _array(numbers: list[int]) -> NDArray[np.int64]:
    return np.array(numbers, dtype=np.int64)
