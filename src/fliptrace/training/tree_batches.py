"""Which examples stand in one tree: those of a dialogue together, whole dialogues in a batch, one row a batch.

Examples of one dialogue therefore share an optimizer step. A dialogue over the budget makes several rows, each of which
repeats what its examples share with those of the others.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch

from fliptrace.training.examples import IGNORED, Example, padded_width
from fliptrace.training.prefix_tree import lay_out, num_shared, order_depth_first


class Bundle(NamedTuple):
    """Examples of one dialogue, by their place in the stage, and the tokens of their tree."""

    members: tuple[int, ...]
    num_tokens: int


def bundle_examples(
    examples: Sequence[Example], beginnings: Sequence[tuple[str, ...]], batch_tokens: int
) -> list[Bundle]:
    """One bundle a beginning, cut between examples where its tree takes more than `batch_tokens`.

    An example that is longer than that is a bundle of its own.
    """
    places: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for place, beginning in enumerate(beginnings):
        places[beginning].append(place)
    return [bundle for members in places.values() for bundle in _cut(examples, members, batch_tokens)]


def _cut(examples: Sequence[Example], places: Sequence[int], batch_tokens: int) -> Iterator[Bundle]:
    """Cut in depth-first order, so that what parts shares little."""
    first, *others = (places[i] for i in order_depth_first([examples[place] for place in places]))
    members, num_tokens = [first], len(examples[first])
    for place in others:
        added = len(examples[place]) - num_shared(examples[members[-1]], examples[place])
        if num_tokens + added > batch_tokens:
            yield Bundle(tuple(members), num_tokens)
            members, num_tokens = [], 0
            added = len(examples[place])
        members.append(place)
        num_tokens += added
    yield Bundle(tuple(members), num_tokens)


def make_tree_batches(bundles: Sequence[Bundle], batch_tokens: int, epochs: float, seed: int) -> list[list[int]]:
    """All batches of a stage, in order: places of examples, whole bundles of at most `batch_tokens` in sum.

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
        fits = next((i for i, left in enumerate(room) if left >= bundle.num_tokens), len(batches))
        if fits == len(batches):
            batches.append([])
            room.append(batch_tokens)
        batches[fits] += bundle.members
        room[fits] -= bundle.num_tokens
    rng.shuffle(batches)  # the last to be opened hold the longest dialogues
    return batches


def collate_tree(examples: Sequence[Example], pad_id: int) -> dict[str, torch.Tensor]:
    """One row with the tree of these examples, padded on the right.

    Returns input_ids, position_ids, labels (not yet shifted) and ends (see TreeRow): (1, time). Padding sees itself,
    as its softmax would be over nothing.
    """
    row = lay_out(examples)
    columns = np.arange(padded_width(len(row)))
    num_pads = len(columns) - len(row)
    padded = {
        "input_ids": np.pad(row.ids, (0, num_pads), constant_values=pad_id),
        "position_ids": np.pad(row.positions, (0, num_pads)),
        "labels": np.pad(row.labels, (0, num_pads), constant_values=IGNORED),
        "ends": np.concatenate([row.ends, columns[len(row) :] + 1]),
    }
    return {name: torch.from_numpy(array)[None] for name, array in padded.items()}
