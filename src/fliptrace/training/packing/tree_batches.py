"""Group examples into batches of prefix trees: a batch holds whole dialogues and is one row.

Examples of one dialogue therefore share an optimizer step. The budget of a batch counts tokens as in separate rows, so
that a step takes about as many examples with packing as without. A dialogue over the budget becomes several rows, and
each of them repeats the tokens that it shares with the others.
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
    """Examples of one dialogue, by position in the stage, and their tokens as separate rows, padding included."""

    members: tuple[int, ...]
    num_apart: int


def bundle_examples(
    examples: Sequence[Example], beginnings: Sequence[tuple[str, ...]], batch_tokens: int
) -> list[Bundle]:
    """Make one bundle per beginning, split where its examples take more than `batch_tokens` as separate rows.

    A longer example gets its own bundle.
    """
    places: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for place, beginning in enumerate(beginnings):
        places[beginning].append(place)
    return [bundle for members in places.values() for bundle in _cut(examples, members, batch_tokens)]


def _cut(examples: Sequence[Example], places: Sequence[int], batch_tokens: int) -> Iterator[Bundle]:
    """Split in depth-first order, so that the parts share few tokens."""
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
    """Return all batches of a stage in order, as positions of examples.

    A batch holds whole bundles of at most `batch_tokens` tokens as separate rows; a larger bundle gets its own batch.
    Every epoch uses each example once, in newly drawn batches, so epochs may differ by a few batches. A fractional last
    epoch is cut short.
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
