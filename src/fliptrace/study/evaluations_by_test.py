"""What an arm of a study is read on, and how."""

from __future__ import annotations

from collections.abc import Iterable

from fliptrace.inference.triggers import Reading
from fliptrace.study.names import held_out_name
from fliptrace.study.plan import CellKey, Study
from fliptrace.training.recipe import Recipe


def due_readings(study: Study, recipe: Recipe, key: CellKey, tests: Iterable[str]) -> dict[str, dict[str, Reading]]:
    """Readings by name, by the name of the test set: those of the arm's own track, of what that holds out, and where
    the arm transfers, of all `tests`. `recipe` is that of the arm's run.
    """
    names, own = list(tests), study.readings_of(recipe, key.arm)
    at_home = study.tracks[key.track].tests
    due = dict.fromkeys([key.track] if at_home is None else at_home, own)
    if held_out_name(key.track) in names:
        due[held_out_name(key.track)] = {name: own[name] for name in study.held_out_readings if name in own}
    if study.transfer is not None and study.transfers(key):
        abroad = {name: recipe.reading(name) for name in study.transfer.readings}
        due |= {test: abroad for test in names if test not in due}
    return {test: readings for test, readings in due.items() if readings}
