"""Which examples stand in one tree: those of a dialogue together, whole dialogues in a batch, one row a batch.

Examples of one dialogue therefore share an optimizer step. The budget of a batch is that of rows: it counts examples as
they would stand apart, so that a step takes about as many of them, packed or not. A dialogue over the budget makes
several rows, each of which repeats what its examples share with those of the others.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch

from fliptrace.training.examples import IGNORED, Example, padded_width
from fliptrace.training.packing.prefix_tree import lay_out, order_depth_first


class Bundle(NamedTuple):
    """Examples of one dialogue, by their place in the stage, and their tokens as rows, padding included."""

    members: tuple[int, ...]
    num_apart: int


def bundle_examples(
    examples: Sequence[Example], beginnings: Sequence[tuple[str, ...]], batch_tokens: int
) -> list[Bundle]:
    """One bundle a beginning, cut between examples where they take more than `batch_tokens` apart.

    An example that is longer than that is a bundle of its own.
    """
    places: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for place, beginning in enumerate(beginnings):
        places[beginning].append(place)
    return [bundle for members in places.values() for bundle in _cut(examples, members, batch_tokens)]


def _cut(examples: Sequence[Example], places: Sequence[int], batch_tokens: int) -> Iterator[Bundle]:
    """Cut in depth-first order, so that what parts shares little."""
    members: list[int] = []
    num_apart = 0
    for i in order_depth_first([examples[place] for place in places]):
        width = padded_width(len(examples[places[i]]))
        if members and num_apart + width > batch_tokens:
            yield Bundle(tuple(members), num_apart)
            members, num_apart = [], 0
        members.append(places[i])
        num_apart += width
    yield Bundle(tuple(members), num_apart)


def make_tree_batches(bundles: Sequence[Bundle], batch_tokens: int, epochs: float, seed: int) -> list[list[int]]:
    """All batches of a stage, in order: places of examples, whole bundles of at most `batch_tokens` apart in sum.

    Every epoch takes every example once, in batches drawn anew, so their number may differ by a few; the last may be
    cut short. A bundle over the budget is a batch of its own.
    """
    batches: list[list[int]] = []
    whole, rest = divmod(epochs, 1)
    for epoch in range(int(whole) + (rest > 0)):
        of_epoch = _epoch(bundles, batch_tokens, random.Random(f"{seed}/{epoch}"))
        last = epoch == int(whole)
        batches += of_epoch[: max(1, round(len(of_epoch) * rest))] if last else of_epoch
    return batches


def _epoch(bundles: Sequence[Bundle], batch_tokens: int, rng: random.Random) -> list[list[int]]:
    batches: list[list[int]] = []
    room: list[int] = []
    for bundle in rng.sample(bundles, len(bundles)):
        fits = next((i for i, left in enumerate(room) if left >= bundle.num_apart), len(batches))
        if fits == len(batches):
            batches.append([])
            room.append(batch_tokens)
        batches[fits] += bundle.members
        room[fits] -= bundle.num_apart
    rng.shuffle(batches)  # the last to be opened hold the longest dialogues
    return batches


def collate_tree(examples: Sequence[Example], pad_id: int) -> dict[str, torch.Tensor]:
    """One row with the tree of these examples, padded on the right.

    Returns input_ids, position_ids, ends (see TokenTree) and labels (not yet shifted): (1, time).
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
