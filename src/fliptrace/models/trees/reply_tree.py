"""Packs many replies to one prompt into one sequence that stores shared prefixes once; one pass scores all replies.

Each token sees only the prompt and its own ancestors, and has the position it would have in its separate reply, so the
log-probabilities equal those of separate sequences. Token ids in, numpy arrays out; torch and onnxruntime use the same
arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ROOT = -1  # parent index that stands for the prompt's last token


class Read(NamedTuple):
    """One predicted token: the logits after `node` (ROOT: after the prompt) predict `token`."""

    node: int
    token: int


@dataclass(frozen=True, slots=True)
class ReplyTree:
    """A prompt and a tree of replies: node n holds `tokens[n]` and follows node `parents[n]`, in depth-first order.

    `reads` lists, for every reply, where each of its tokens is predicted. The last token of a reply is predicted but
    never fed to the model, so it has no node unless a longer reply continues from it.
    """

    prompt: tuple[int, ...]
    tokens: tuple[int, ...]
    parents: tuple[int, ...]
    reads: tuple[tuple[Read, ...], ...]

    @property
    def num_tokens(self) -> int:
        return len(self.prompt) + len(self.tokens)


def grow_tree(prompt: Sequence[int], replies: Sequence[Sequence[int]]) -> ReplyTree:
    """Build the tree of these replies, each including its end token. ValueError if the prompt or a reply is empty.

    >>> tree = grow_tree([1, 2], [[5, 6, 9], [5, 7, 9]])
    >>> tree.tokens, tree.parents
    ((5, 6, 7), (-1, 0, 0))
    """
    if not prompt or not all(replies):
        raise ValueError("prompt or reply is empty; expected at least one token")
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
    """A batch of trees: prompts are padded on the left, so that all end in the same column, and nodes on the right.

    Logits are needed for the last `num_read` columns: the one of the prompts' last token, then one per node.
    """

    ids: NDArray[np.int64]  # (trees, time)
    positions: NDArray[np.int64]  # (trees, time)
    visible: NDArray[np.bool_]  # (trees, time, time), whether row sees column
    num_read: int


def batch_trees(trees: Sequence[ReplyTree], pad_id: int, width_step: int = 1) -> TreeBatch:
    """Put all trees into one batch, whose width is a multiple of `width_step`."""
    num_nodes = max(len(tree.tokens) for tree in trees)
    widest = max(len(tree.prompt) for tree in trees) + num_nodes
    time = -(-widest // width_step) * width_step
    start = time - num_nodes  # the column of node 0
    ids = np.full((len(trees), time), pad_id, dtype=np.int64)
    positions = np.zeros((len(trees), time), dtype=np.int64)
    visible = np.zeros((len(trees), time, time), dtype=np.bool_)
    visible[:, np.arange(time), np.arange(time)] = True  # padding sees itself, since a softmax needs at least one key
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
