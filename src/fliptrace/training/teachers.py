"""Compute the soft targets of a run from classical models. Each target comes from a model not fitted on its example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fliptrace.curate.soft_targets import soft_emotions, soft_triggers
from fliptrace.curate.softening import SoftTargets
from fliptrace.training.data import TrainingData, treat_out_of_zone
from fliptrace.training.recipe import Recipe
from fliptrace.training.recipe_tables import OutOfZone, Stage

NUM_FOLDS = 5


def teach_softly(recipe: Recipe, data: TrainingData, stages: Sequence[Stage]) -> dict[str, SoftTargets]:
    """Return the soft targets of these stages by name, empty for stages without any.

    The same recipe and data give the same targets.
    """
    if not stages:
        return {}
    emotions = soft_emotions({ref: data.emotions[ref] for ref in recipe.curate.soft_emotions}, num_folds=NUM_FOLDS)
    by_zone: dict[OutOfZone, Mapping[str, Mapping[int, float]]] = {}
    soft: dict[str, SoftTargets] = {}
    for stage in stages:
        share = recipe.curate.soft_triggers if stage.soft_triggers is None else stage.soft_triggers
        zone = stage.out_of_zone or recipe.data.out_of_zone
        if share and zone not in by_zone:
            cases = treat_out_of_zone(data.train, zone)
            by_zone[zone] = soft_triggers(cases, window=recipe.prompt.window, num_folds=NUM_FOLDS)
        triggers = by_zone[zone] if share else {}
        soft[stage.name] = SoftTargets(triggers, emotions, share, recipe.curate.soft_emotions)
    return soft
