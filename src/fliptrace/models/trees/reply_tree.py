"""Many replies to one prompt as one sequence: what they share stands once, and one forward pass weighs them all.

Each token sees the prompt and its own ancestors alone, at the position it would have in a reply of its own, so the
log-probabilities are those of separate sequences. Token ids in, numpy arrays out: torch and onnxruntime run the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ROOT = -1  # stands for the prompt's last token


class Read(NamedTuple):
    """The logits after `node` (ROOT: after the prompt) predict `token`."""

    node: int
    token: int


@dataclass(frozen=True, slots=True)
class ReplyTree:
    """Node n holds `tokens[n]` after node `parents[n]`, depth first; `reads` are, for every reply, its tokens as read.

    The last token of a reply is predicted and never fed, so it has no node unless another reply goes on from it.
    """

    prompt: tuple[int, ...]
    tokens: tuple[int, ...]
    parents: tuple[int, ...]
    reads: tuple[tuple[Read, ...], ...]

    @property
    def num_tokens(self) -> int:
        return len(self.prompt) + len(self.tokens)


def grow_tree(prompt: Sequence[int], replies: Sequence[Sequence[int]]) -> ReplyTree:
    """The tree of these replies, each with its end token; ValueError where the prompt or a reply has no tokens.

    >>> tree = grow_tree([1, 2], [[5, 6, 9], [5, 7, 9]])
    >>> tree.tokens, tree.parents
    ((5, 6, 7), (-1, 0, 0))
    """
    if not prompt or not all(replies):
        raise ValueError("a prompt or a reply without tokens")
    nodes: dict[Read, int] = {}
    reads: dict[int, tuple[Read, ...]] = {}
    for place in sorted(range(len(replies)), key=lambda place: tuple(replies[place])):
        path, node = [], ROOT
        for token in replies[place][:-1]:
            path.append(Read(node, token))
            node = nodes.setdefault(path[-1], len(nodes))
        reads[place] = (*path, Read(node, replies[place][-1]))
    tokens = tuple(read.token for read in nodes)
    parents = tuple(read.node for read in nodes)
    return ReplyTree(tuple(prompt), tokens, parents, tuple(reads[place] for place in range(len(replies))))


@dataclass(frozen=True, slots=True)
class TreeBatch:
    """Trees side by side: prompts padded on the left so that all end in one column, nodes padded on the right.

    Logits are wanted for the last `num_read` columns: that of the prompts' last token, then one a node.
    """

    ids: NDArray[np.int64]  # (trees, time)
    positions: NDArray[np.int64]  # (trees, time)
    visible: NDArray[np.bool_]  # (trees, time, time), row sees column
    num_read: int


def batch_trees(trees: Sequence[ReplyTree], pad_id: int, width_step: int = 1) -> TreeBatch:
    """One batch of all these trees; its width is a multiple of `width_step`."""
    num_nodes = max(len(tree.tokens) for tree in trees)
    widest = max(len(tree.prompt) for tree in trees) + num_nodes
    time = -(-widest // width_step) * width_step
    start = time - num_nodes  # the column of node 0
    ids = np.full((len(trees), time), pad_id, dtype=np.int64)
    positions = np.zeros((len(trees), time), dtype=np.int64)
    visible = np.zeros((len(trees), time, time), dtype=np.bool_)
    visible[:, np.arange(time), np.arange(time)] = True  # padding sees itself, or its softmax would be over nothing
    for row, tree in enumerate(trees):
        length = len(tree.prompt)
        prompt = slice(start - length, start)
        ids[row, prompt] = tree.prompt
        positions[row, prompt] = np.arange(length)
        visible[row, prompt, prompt] = np.tri(length, dtype=np.bool_)
        for node, (token, parent) in enumerate(zip(tree.tokens, tree.parents, strict=True)):
            column, before = start + node, start - 1 if parent == ROOT else start + parent
            ids[row, column] = token
            positions[row, column] = positions[row, before] + 1
            visible[row, column] |= visible[row, before]
    return TreeBatch(ids, positions, visible, num_nodes + 1)


def sum_reads(tree: ReplyTree, log_probs: NDArray[np.float32]) -> tuple[float, ...]:
    """The log-probability of every reply, from those of the next token: (num_read, vocab), row 0 after the prompt."""
    return tuple(float(sum(np.float64(log_probs[read.node + 1, read.token]) for read in reply)) for reply in tree.reads)
