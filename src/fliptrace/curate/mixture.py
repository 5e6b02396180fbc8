"""Mixtures: how much of each kind of instruction goes into a stage."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

from fliptrace.core.messages import Instruction

Kind = TypeVar("Kind", bound=str)


def mix(parts: Mapping[Kind, Sequence[Instruction]], weights: Mapping[Kind, float], seed: int) -> list[Instruction]:
    """Each part as often as its weight says, shuffled: 0.5 takes a random half, 2.5 two copies and a random half.

    ValueError where a weight has no part, or is negative.
    """
    rng = random.Random(seed)
    mixed: list[Instruction] = []
    for kind, weight in sorted(weights.items()):
        if kind not in parts:
            raise ValueError(f"the mixture weighs {kind!r}, of which there are no instructions")
        if weight < 0:
            raise ValueError(f"the mixture weighs {kind!r} with {weight}: expected 0 or more")
        whole, rest = divmod(weight, 1)
        rows = list(parts[kind])
        mixed += rows * int(whole) + rng.sample(rows, round(len(rows) * rest))
    rng.shuffle(mixed)
    return mixed
