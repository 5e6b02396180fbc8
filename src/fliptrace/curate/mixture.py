"""Mixes instructions of several kinds in given proportions."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

from fliptrace.core.messages import Instruction

Kind = TypeVar("Kind", bound=str)


def mix(parts: Mapping[Kind, Sequence[Instruction]], weights: Mapping[Kind, float], seed: int) -> list[Instruction]:
    """Take each part as often as its weight says, and shuffle the result.

    A weight of 0.5 takes a random half, 2.5 takes two copies and a random half. ValueError if a weight is negative or
    has no part.
    """
    rng = random.Random(seed)
    mixed: list[Instruction] = []
    for kind, weight in sorted(weights.items()):
        if kind not in parts:
            raise ValueError(f"mixture: weight for {kind!r}, which has no part; expected one of {', '.join(parts)}")
        if weight < 0:
            raise ValueError(f"mixture: weight {weight} for {kind!r}; expected 0 or more")
        whole, rest = divmod(weight, 1)
        rows = list(parts[kind])
        mixed += rows * int(whole) + rng.sample(rows, round(len(rows) * rest))
    rng.shuffle(mixed)
    return mixed
