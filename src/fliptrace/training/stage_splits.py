"""Which training cases a stage may learn from, and which its parent answers without having trained on them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from fliptrace.core.errors import RunError
from fliptrace.core.flips import FlipCase
from fliptrace.training.recipe import Recipe
from fliptrace.training.stage_tree import num_opened


@dataclass(frozen=True, slots=True)
class StageCases:
    """`taught`: the labels a stage learns from. `answered`: those of them whose answers by its parent it corrects.

    The parent trained on no case of a group in `answered`, unless the stage wants them in-sample.
    """

    taught: tuple[FlipCase, ...]
    answered: tuple[FlipCase, ...]


def stage_cases(recipe: Recipe, cases: Sequence[FlipCase]) -> list[StageCases]:
    """The cases of every stage. The held-out groups are dealt out evenly to the stages of a line that need own answers.

    A part opens with the stage that it is held out for, and from then on its labels are taught as well.
    RunError where there are too few groups for that.
    """
    num_parts = max(num_opened(recipe.stages, stage) for stage in recipe.stages)
    groups = sorted({case.group for case in cases})
    part_of = _deal(groups, recipe.curate.held_out, num_parts, recipe.seed)
    stages: list[StageCases] = []
    for stage in recipe.stages:
        opened = num_opened(recipe.stages, stage)
        open_groups = [group for group in groups if part_of.get(group, 0) <= opened]
        newest = [group for group in open_groups if part_of.get(group, 0) == opened]
        if stage.own_answers == "in-sample":
            older = [group for group in open_groups if part_of.get(group, 0) < opened]
            newest = random.Random(f"{recipe.seed}/in-sample").sample(older, min(len(newest), len(older)))
        taught = _cases_of(_first_share(open_groups, stage.share, recipe.seed), cases)
        answered = _cases_of(newest, cases) if stage.needs_own_answers else ()
        if not taught or (stage.needs_own_answers and not answered):
            raise RunError(
                f"stage {stage.name}",
                f"{len(groups)} groups of cases, of which curate.held_out keeps "
                f"{len(part_of)} for {num_parts} stages: too few for this one; expected more data or another share",
            )
        stages.append(StageCases(taught, answered))
    return stages


def _deal(groups: Sequence[str], share: float, num_parts: int, seed: int) -> dict[str, int]:
    """Parts 1 to `num_parts` of the held-out groups; the others are in none."""
    if num_parts == 0:
        return {}
    shuffled = _shuffle(groups, f"{seed}/held-out")
    held_out = shuffled[: max(num_parts, round(len(groups) * share))]
    return {group: 1 + position % num_parts for position, group in enumerate(held_out)}


def _first_share(groups: Sequence[str], share: float | None, seed: int) -> Sequence[str]:
    """A share of the groups, of which a greater one holds all of a smaller one."""
    if share is None:
        return groups
    return _shuffle(groups, f"{seed}/share")[: max(1, round(len(groups) * share))]


def _shuffle(groups: Sequence[str], seed: str) -> list[str]:
    shuffled = list(groups)
    random.Random(seed).shuffle(shuffled)
    return shuffled


def _cases_of(groups: Sequence[str], cases: Sequence[FlipCase]) -> tuple[FlipCase, ...]:
    wanted = set(groups)
    return tuple(case for case in cases if case.group in wanted)
