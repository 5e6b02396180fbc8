"""Packs token sequences into one row: a prefix tree in depth-first order that stores shared prefixes once.

A token sees only its ancestors and has the position it has in its own sequence, so a model computes the same as for
separate sequences. Several dialogues in one row are no special case: they share the system message, or nothing. Token
ids in, numpy arrays out. Not here: the attention that restricts what tokens see (attention.py).
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
    """A sequence, or several with a common stem. `stem` may be shared with other branches; `tail` never is.

    `parents` gives the parent index of each tail token within the tail, in depth-first order; the first token has -1,
    the stem's last token. None means that the tail is a single chain.
    """

    stem: Ids
    tail: Ids
    parents: Ids | None = None


@dataclass(frozen=True, slots=True)
class TokenTree:
    """One token per column; all arrays are (time,). `ends` is the column after the last descendant of each token."""

    ids: NDArray[np.int64]
    positions: NDArray[np.int64]
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ids)

    def padded(self, width: int, pad_id: int) -> TokenTree:
        """Pad the row to this width. Padding tokens see themselves, since a softmax needs at least one key."""
        more = np.arange(len(self), width)
        return TokenTree(
            np.concatenate([self.ids, np.full(len(more), pad_id)]),
            np.concatenate([self.positions, np.zeros_like(more)]),
            np.concatenate([self.ends, more + 1]),
        )


class LaidOut(NamedTuple):
    """A tree with the place of every branch, in input order.

    `stems` holds the columns of each branch's stem, `starts` the column of its tail's first token; the rest of the
    tail follows in the next columns.
    """

    tree: TokenTree
    stems: list[NDArray[np.int64]]
    starts: list[int]


def sees(query: Any, key: Any, end: Any) -> Any:
    """Whether the token in column `query` sees the one in column `key`, whose `ends` is `end`; arrays or tensors.

    >>> columns, ends = np.arange(4), np.array([4, 3, 3, 4])  # a shared prefix, a branch of two, a branch of one
    >>> sees(columns[:, None], columns, ends).astype(int).tolist()
    [[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 0, 0, 1]]
    """
    return (key <= query) & (query < end)


def num_shared(left: Sequence[int], right: Sequence[int]) -> int:
    """Return the length of the longest common prefix of two sequences."""
    pairs = zip(left, right, strict=False)
    return next((depth for depth, (a, b) in enumerate(pairs) if a != b), min(len(left), len(right)))


def order_depth_first(branches: Sequence[Branch]) -> list[int]:
    """Return the indices of the branches in tree order, in which neighbours share the longest prefixes."""
    # Sort by stems first. Sorted by whole sequences, a branch with a short stem could separate two that share more.
    return sorted(range(len(branches)), key=lambda place: branches[place][:2])


def count_tokens(branches: Sequence[Branch]) -> int:
    """Return the number of tokens in the row of these branches, without building it.

    >>> count_tokens([Branch((1, 2), (3, 8)), Branch((1, 2), (4, 9))])
    6
    """
    ordered = [branches[place] for place in order_depth_first(branches)]
    separate = sum(len(branch.stem) + len(branch.tail) for branch in branches)
    return separate - sum(num_shared(one.stem, next_one.stem) for one, next_one in pairwise(ordered))


def lay_out(branches: Sequence[Branch]) -> LaidOut:
    """Build the tree of these branches; it does not depend on their order. ValueError if a tail is empty.

    >>> tree, stems, starts = lay_out([Branch((1, 2), (3, 8)), Branch((1, 2), (4, 9))])
    >>> tree.ids.tolist(), tree.positions.tolist(), tree.ends.tolist()
    ([1, 2, 3, 8, 4, 9], [0, 1, 2, 3, 2, 3], [6, 6, 4, 4, 6, 6])
    >>> stems[1].tolist(), starts
    ([0, 1], [2, 4])
    """
    if not all(branch.tail for branch in branches):
        raise ValueError("a branch with an empty tail; expected at least one token")
    ids: list[int] = []
    positions: list[int] = []
    # Allocated for separate sequences; cut to the number of unique tokens below.
    ends = np.zeros(sum(len(stem) + len(tail) for stem, tail, _ in branches), dtype=np.int64)
    stems: list[NDArray[np.int64]] = [_NO_COLUMNS] * len(branches)
    starts = [0] * len(branches)
    path = _NO_COLUMNS  # columns of the previous stem
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
    """Return the depth of each tail token and the index after its last descendant, both relative to the tail."""
    if parents is None:
        return range(length), np.full(length, length)
    depths: list[int] = []
    for parent in parents:
        depths.append(depths[parent] + 1 if depths else 0)
    ends = np.arange(1, length + 1)
    for node in range(length - 1, 0, -1):
        ends[parents[node]] = max(ends[parents[node]], ends[node])
    return depths, ends
