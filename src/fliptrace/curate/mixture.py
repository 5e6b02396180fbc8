"""Mixes instructions of several kinds in given proportions."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

from fliptrace.core.messages import Instruction

Kind = TypeVar("Kind", bound=str)


def mix(
    parts: Mapping[Kind, Sequence[Instruction]], weights: Mapping[Kind, float], seed: int, *, whole_cases: bool = False
) -> list[Instruction]:
    """Take each part as often as its weight says, and shuffle the result.

    A weight of 0.5 takes a random half, 2.5 takes two copies and a random half. With `whole_cases`, instructions on one
    case are taken together, until there are at least as many as the weight says. ValueError if a weight is negative or
    has no part.
    """
    draw = _draw_cases if whole_cases else random.Random.sample
    rng = random.Random(seed)
    mixed: list[Instruction] = []
    for kind, weight in sorted(weights.items()):
        if kind not in parts:
            raise ValueError(f"mixture: weight for {kind!r}, which has no part; expected one of {', '.join(parts)}")
        if weight < 0:
            raise ValueError(f"mixture: weight {weight} for {kind!r}; expected 0 or more")
        whole, rest = divmod(weight, 1)
        rows = list(parts[kind])
        mixed += rows * int(whole) + draw(rng, rows, round(len(rows) * rest))
    rng.shuffle(mixed)
    return mixed


def _draw_cases(rng: random.Random, rows: Sequence[Instruction], least: int) -> list[Instruction]:
    """Draw random cases with all their instructions, at least as many instructions as are wanted."""
    by_case: dict[str, list[Instruction]] = {}
    for row in rows:
        by_case.setdefault(row.case_id, []).append(row)
    drawn: list[Instruction] = []
    for case_id in rng.sample(list(by_case), len(by_case)):
        if len(drawn) >= least:
            break
        drawn += by_case[case_id]
    return drawn
