"""Split the training cases by stage: which it learns from, and which its parent answers as unseen cases."""

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
    """The cases of one stage.

    `taught` are the cases whose labels the stage learns from. `answered` are those among them that its parent answers,
    and whose answers the stage corrects. The parent has not trained on any group in `answered`, unless the stage asks
    for in-sample answers.
    """

    taught: tuple[FlipCase, ...]
    answered: tuple[FlipCase, ...]


def stage_cases(recipe: Recipe, cases: Sequence[FlipCase]) -> list[StageCases]:
    """Choose the cases of every stage.

    The held-out groups are split evenly among the stages of a line that need own answers. Each part is held out until
    its stage; that stage and its descendants also train on its labels. Raises RunError if there are too few groups.
    """
    num_parts = max(num_opened(recipe.stages, stage) for stage in recipe.stages)
    groups = sorted({case.group for case in cases})
    part_of = _assign_parts(groups, recipe.curate.held_out, num_parts, recipe.seed)
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
                f"{len(groups)} groups of cases, of which curate.held_out keeps {len(part_of)} for {num_parts} stages, "
                "too few for this one; expected more data or another share",
            )
        stages.append(StageCases(taught, answered))
    return stages


def _assign_parts(groups: Sequence[str], share: float, num_parts: int, seed: int) -> dict[str, int]:
    """Map each held-out group to its part, 1 to `num_parts`. Groups that are not held out are missing."""
    if num_parts == 0:
        return {}
    shuffled = _shuffle(groups, f"{seed}/held-out")
    held_out = shuffled[: max(num_parts, round(len(groups) * share))]
    return {group: 1 + position % num_parts for position, group in enumerate(held_out)}


def _first_share(groups: Sequence[str], share: float | None, seed: int) -> Sequence[str]:
    """A random share of the groups; a larger share contains every smaller one."""
    if share is None:
        return groups
    return _shuffle(groups, f"{seed}/share")[: max(1, round(len(groups) * share))]


def _shuffle(groups: Sequence[str], seed: str) -> list[str]:
    shuffled = list(groups)
    random.Random(seed).shuffle(shuffled)
    return shuffled


def _cases_of(groups: Sequence[str], cases: Sequence[FlipCase]) -> tuple[FlipCase, ...]:
    chosen = set(groups)
    return tuple(case for case in cases if case.group in chosen)
