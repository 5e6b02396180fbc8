"""Mixes instructions of several kinds in given proportions."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

from fliptrace.core.messages import Instruction

Kind = TypeVar("Kind", bound=str)


def mix(
    parts: Mapping[Kind, Sequence[Instruction]], weights: Mapping[Kind, float], seed: int, *, by_dialogue: bool = False
) -> list[Instruction]:
    """Take each part as often as its weight says, and shuffle the result.

    A weight of 0.5 takes a random half, 2.5 takes two copies and a random half. With `by_dialogue`, instructions whose
    prompts have the same beginning are taken together, until there are at least as many as the weight says; all parts
    take the same dialogues first. They share what they show, so this costs less. ValueError if a weight is negative or
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
        least = round(len(rows) * rest)
        mixed += rows * int(whole) + (_draw_dialogues(rows, least, seed) if by_dialogue else rng.sample(rows, least))
    rng.shuffle(mixed)
    return mixed


def _draw_dialogues(rows: Sequence[Instruction], least: int, seed: int) -> list[Instruction]:
    """Draw all instructions on some dialogues, at least as many instructions as are wanted."""
    by_beginning: dict[tuple[str, ...], list[Instruction]] = {}
    for row in rows:
        by_beginning.setdefault(row.beginning, []).append(row)
    drawn: list[Instruction] = []
    for beginning in sorted(by_beginning, key=lambda lines: random.Random(f"{seed}/{lines}").random()):
        if len(drawn) >= least:
            break
        drawn += by_beginning[beginning]
    return drawn
