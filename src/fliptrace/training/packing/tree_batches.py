"""Group examples into batches of prefix trees: a batch holds whole dialogues and is one row.

Examples of one dialogue therefore share an optimizer step. The budget of a batch counts tokens as in separate rows, so
that a step takes about as many examples with packing as without; or it counts those of the tree, so that a long
dialogue with many flips stays whole. A dialogue over the budget becomes several rows, and each of them repeats the
tokens that it shares with the others.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch

from fliptrace.training.examples import IGNORED, Example, padded_width
from fliptrace.training.packing.prefix_tree import lay_out, num_shared, order_depth_first


class Bundle(NamedTuple):
    """Examples of one dialogue, by position in the stage, and their tokens as the budget counts them."""

    members: tuple[int, ...]
    size: int


def bundle_examples(
    examples: Sequence[Example], beginnings: Sequence[tuple[str, ...]], budget: int, *, as_tree: bool = False
) -> list[Bundle]:
    """Make one bundle per beginning, split where its examples take more tokens than the budget.

    Tokens are counted as in separate rows, padding included, or `as_tree`, each shared token once. A longer example
    gets its own bundle.
    """
    places: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for place, beginning in enumerate(beginnings):
        places[beginning].append(place)
    return [bundle for members in places.values() for bundle in _cut(examples, members, budget, as_tree)]


def _cut(examples: Sequence[Example], places: Sequence[int], budget: int, as_tree: bool) -> Iterator[Bundle]:
    """Split in depth-first order, so that the parts share few tokens."""
    members: list[int] = []
    size = 0
    for i in order_depth_first([examples[place] for place in places]):
        example = examples[places[i]]
        width = len(example) if as_tree else padded_width(len(example))
        shared = num_shared(examples[members[-1]], example) if as_tree and members else 0
        if members and size + width - shared > budget:
            yield Bundle(tuple(members), size)
            members, size, shared = [], 0, 0
        members.append(places[i])
        size += width - shared
    yield Bundle(tuple(members), size)


def make_tree_batches(bundles: Sequence[Bundle], budget: int, epochs: float, seed: int) -> list[list[int]]:
    """Return all batches of a stage in order, as positions of examples.

    A batch holds whole bundles whose sizes add up to at most the budget; a larger bundle gets its own batch.
    Every epoch uses each example once, in newly drawn batches, so epochs may differ by a few batches. A fractional last
    epoch is cut short.
    """
    batches: list[list[int]] = []
    whole, rest = divmod(epochs, 1)
    for epoch in range(int(whole) + (rest > 0)):
        of_epoch = _epoch(bundles, budget, random.Random(f"{seed}/{epoch}"))
        last = epoch == int(whole)
        batches += of_epoch[: max(1, round(len(of_epoch) * rest))] if last else of_epoch
    return batches


def _epoch(bundles: Sequence[Bundle], budget: int, rng: random.Random) -> list[list[int]]:
    batches: list[list[int]] = []
    room: list[int] = []
    for bundle in rng.sample(bundles, len(bundles)):
        fits = next((i for i, left in enumerate(room) if left >= bundle.size), len(batches))
        if fits == len(batches):
            batches.append([])
            room.append(budget)
        batches[fits] += bundle.members
        room[fits] -= bundle.size
    rng.shuffle(batches)  # the last batches opened hold the longest dialogues
    return batches


def collate_tree(examples: Sequence[Example], pad_id: int) -> dict[str, torch.Tensor]:
    """Collate examples into one row that holds their tree, padded on the right.

    Returns input_ids, position_ids, ends (see TokenTree) and labels (not yet shifted), each (1, time).
    """
    tree, labels = lay_out(examples)
    padded = tree.padded(padded_width(len(tree)), pad_id)
    arrays = {
        "input_ids": padded.ids,
        "position_ids": padded.positions,
        "ends": padded.ends,
        "labels": np.pad(labels, (0, len(padded) - len(tree)), constant_values=IGNORED),
    }
    return {name: torch.from_numpy(array)[None] for name, array in arrays.items()}
