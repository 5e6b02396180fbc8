"""Which training cases a stage may learn from, and which its parent answers without having trained on them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from fliptrace.errors import RunError
from fliptrace.flips import FlipCase
from fliptrace.training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class StageCases:
    """`taught`: the labels a stage learns from. `answered`: those of them whose answers by its parent it corrects.

    The parent trained on no case of a group in `answered`.
    """

    taught: tuple[FlipCase, ...]
    answered: tuple[FlipCase, ...]


def stage_cases(recipe: Recipe, cases: Sequence[FlipCase]) -> list[StageCases]:
    """The cases of every stage. The held-out groups are dealt out evenly to the stages that need own answers.

    A part opens with the stage that it is held out for, and from then on its labels are taught as well.
    RunError where there are too few groups for that.
    """
    num_parts = sum(stage.needs_own_answers for stage in recipe.stages)
    part_of = _deal(sorted({case.group for case in cases}), recipe.curate.held_out, num_parts, recipe.seed)
    opened = 0
    stages: list[StageCases] = []
    for stage in recipe.stages:
        opened += stage.needs_own_answers
        taught = tuple(case for case in cases if part_of.get(case.group, 0) <= opened)
        answered = tuple(case for case in taught if stage.needs_own_answers and part_of.get(case.group) == opened)
        if not taught or (stage.needs_own_answers and not answered):
            raise RunError(
                f"stage {stage.name}",
                f"{len({case.group for case in cases})} groups of cases, of which curate.held_out keeps "
                f"{len(part_of)} for {num_parts} stages: too few for this one; wanted more data or another share",
            )
        stages.append(StageCases(taught, answered))
    return stages


def _deal(groups: list[str], share: float, num_parts: int, seed: int) -> dict[str, int]:
    """Parts 1 to `num_parts` of the held-out groups; the others are in none."""
    if num_parts == 0:
        return {}
    random.Random(f"{seed}/held-out").shuffle(groups)
    held_out = groups[: max(num_parts, round(len(groups) * share))]
    return {group: 1 + position % num_parts for position, group in enumerate(held_out)}
