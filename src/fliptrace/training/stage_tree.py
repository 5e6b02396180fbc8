"""The tree of stages: usually each stage's parent is the previous one; in a study several may share a parent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fliptrace.training.recipe_tables import BASE, Stage


def parent_of(stages: Sequence[Stage], stage: Stage) -> Stage | None:
    """The stage that this one starts from; None if it starts from the base."""
    position = stages.index(stage)
    if stage.parent is None:
        return stages[position - 1] if position else None
    return None if stage.parent == BASE else named(stages, stage.parent)


def named(stages: Sequence[Stage], name: str) -> Stage:
    return next(stage for stage in stages if stage.name == name)


def lineage(stages: Sequence[Stage], stage: Stage) -> Iterator[Stage]:
    """The stage, its parent, and so on down to the base."""
    ancestor: Stage | None = stage
    while ancestor is not None:
        yield ancestor
        ancestor = parent_of(stages, ancestor)


def opens_part(stages: Sequence[Stage], stage: Stage) -> bool:
    """Whether this stage adds one more part of the held-out groups to the training labels.

    A stage that needs own answers does: it adds the part its parent answered. A control stage adds a part if the stage
    named by its `steps_of` does.
    """
    if stage.steps_of is not None:
        return opens_part(stages, named(stages, stage.steps_of))
    return stage.needs_own_answers


def num_opened(stages: Sequence[Stage], stage: Stage) -> int:
    """How many parts of the held-out groups this stage may train on."""
    return sum(opens_part(stages, ancestor) for ancestor in lineage(stages, stage))


def needed_for(stages: Sequence[Stage], names: Sequence[str]) -> list[Stage]:
    """The named stages and all stages that must be trained before them, in the order of the recipe."""
    needed: set[str] = set()
    for name in names:
        for ancestor in lineage(stages, named(stages, name)):
            needed.add(ancestor.name)
            if ancestor.steps_of is not None:
                needed |= {stage.name for stage in needed_for(stages, [ancestor.steps_of])}
    return [stage for stage in stages if stage.name in needed]
