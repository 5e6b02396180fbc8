"""The soft targets of a run, as its recipe wants them: classical models, each fitted on what it does not teach."""

from __future__ import annotations

from fliptrace.curate.soft_targets import soft_emotions, soft_triggers
from fliptrace.curate.softening import SoftTargets
from fliptrace.training.data import TrainingData
from fliptrace.training.recipe import Recipe

NUM_FOLDS = 5


def teach_softly(recipe: Recipe, data: TrainingData) -> SoftTargets:
    """The same recipe and data give the same targets; none where the recipe wants none."""
    part, window = recipe.curate, recipe.prompt.window
    files = {ref: data.emotions[ref] for ref in part.soft_emotions}
    return SoftTargets(
        soft_triggers(data.train, window=window, num_folds=NUM_FOLDS) if part.soft_triggers else {},
        soft_emotions(files, num_folds=NUM_FOLDS) if files else {},
        part.soft_triggers,
        part.soft_emotions,
    )
