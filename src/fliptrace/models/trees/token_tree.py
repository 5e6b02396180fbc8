"""Token sequences as one row: the beginnings they share stand once, what is each one's own follows, depth first.

A token sees its ancestors alone, at the position it has in its own sequence, so a model reads there what it would read
in the sequences apart. Dialogues side by side are no special case: they share the system message, or nothing. Token
ids in, numpy arrays out. Not here: how a model is made to see so (attention.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ids = tuple[int, ...]


class Branch(NamedTuple):
    """A sequence, or several that part behind its stem: `stem` may be shared with other branches, `tail` never is.

    `parents` are of the tail's tokens among themselves, depth first: that of the first is -1, the stem's last token.
    None: one after another.
    """

    stem: Ids
    tail: Ids
    parents: Ids | None = None


@dataclass(frozen=True, slots=True)
class TokenTree:
    """One token a column, all arrays (time,); `ends`: the column after the last of those that descend from this one."""

    ids: NDArray[np.int64]
    positions: NDArray[np.int64]
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ids)

    def padded(self, width: int, pad_id: int) -> TokenTree:
        """The same tree in a row of this width. Padding sees itself, as its softmax would be over nothing."""
        more = np.arange(len(self), width)
        return TokenTree(
            np.concatenate([self.ids, np.full(len(more), pad_id)]),
            np.concatenate([self.positions, np.zeros_like(more)]),
            np.concatenate([self.ends, more + 1]),
        )


class LaidOut(NamedTuple):
    """A tree, and for every branch, in the order they were given, the columns of its stem and that of its tail's first
    token; the others of the tail follow.
    """

    tree: TokenTree
    stems: list[NDArray[np.int64]]
    starts: list[int]


def sees(query: Any, key: Any, end: Any) -> Any:
    """Whether the token in column `query` sees that in column `key`, whose `ends` is `end`: arrays or tensors alike.

    >>> columns, ends = np.arange(4), np.array([4, 3, 3, 4])  # a trunk, a branch of two, a branch of one
    >>> sees(columns[:, None], columns, ends).astype(int).tolist()
    [[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 0, 0, 1]]
    """
    return (key <= query) & (query < end)


def num_shared(left: Sequence[int], right: Sequence[int]) -> int:
    """The length of the beginning that two sequences share."""
    pairs = zip(left, right, strict=False)
    return next((depth for depth, (a, b) in enumerate(pairs) if a != b), min(len(left), len(right)))


def order_depth_first(branches: Sequence[Branch]) -> list[int]:
    """Their places in the order in which a tree holds them: each shares most with the one before it."""
    # By stems first. By whole sequences, a branch of a short stem would part others that share more.
    return sorted(range(len(branches)), key=lambda place: branches[place][:2])


def count_tokens(branches: Sequence[Branch]) -> int:
    """The length of their row, without laying it out.

    >>> count_tokens([Branch((1, 2), (3, 8)), Branch((1, 2), (4, 9))])
    6
    """
    ordered = [branches[place] for place in order_depth_first(branches)]
    apart = sum(len(branch.stem) + len(branch.tail) for branch in branches)
    return apart - sum(num_shared(one.stem, next_one.stem) for one, next_one in pairwise(ordered))


def lay_out(branches: Sequence[Branch]) -> LaidOut:
    """The tree of these branches; their order changes nothing in it. ValueError where a tail is empty.

    >>> tree, stems, starts = lay_out([Branch((1, 2), (3, 8)), Branch((1, 2), (4, 9))])
    >>> tree.ids.tolist(), tree.positions.tolist(), tree.ends.tolist()
    ([1, 2, 3, 8, 4, 9], [0, 1, 2, 3, 2, 3], [6, 6, 4, 4, 6, 6])
    >>> stems[1].tolist(), starts
    ([0, 1], [2, 4])
    """
    if not all(branch.tail for branch in branches):
        raise ValueError("a branch without a token of its own")
    ids: list[int] = []
    positions: list[int] = []
    # At most as long as the sequences apart; what is shared is cut off below.
    ends = np.zeros(sum(len(stem) + len(tail) for stem, tail, _ in branches), dtype=np.int64)
    stems: list[NDArray[np.int64]] = [_NO_COLUMNS] * len(branches)
    starts = [0] * len(branches)
    path = _NO_COLUMNS  # of the stem before
    before: Ids = ()
    for place in order_depth_first(branches):
        stem, tail, parents = branches[place]
        shared = num_shared(before, stem)
        start = len(ids) + len(stem) - shared
        path = np.concatenate([path[:shared], np.arange(len(ids), start)])
        depths, own_ends = _shape(len(tail), parents)
        ids += (*stem[shared:], *tail)
        positions += (*range(shared, len(stem)), *(len(stem) + depth for depth in depths))
        ends[start : len(ids)] = own_ends + start
        ends[path] = len(ids)
        stems[place], starts[place], before = path, start, stem
    tree = TokenTree(np.array(ids, dtype=np.int64), np.array(positions, dtype=np.int64), ends[: len(ids)])
    return LaidOut(tree, stems, starts)


_NO_COLUMNS: NDArray[np.int64] = np.zeros(0, dtype=np.int64)


def _shape(length: int, parents: Ids | None) -> tuple[Sequence[int], NDArray[np.int64]]:
    """The depths of a tail's tokens, and after which of them each one's descendants end."""
    if parents is None:
        return range(length), np.full(length, length)
    depths: list[int] = []
    for parent in parents:
        depths.append(depths[parent] + 1 if depths else 0)
    ends = np.arange(1, length + 1)
    for node in range(length - 1, 0, -1):
        ends[parents[node]] = max(ends[parents[node]], ends[node])
    return depths, ends
