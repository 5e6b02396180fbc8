"""The test sets of an arm of a study, and the evaluations to run on each."""

from __future__ import annotations

from collections.abc import Iterable

from fliptrace.inference.config import InferenceConfig
from fliptrace.study.names import held_out_name
from fliptrace.study.plan import CellKey, Study
from fliptrace.training.recipe import Recipe


def evaluations_by_test(
    study: Study, recipe: Recipe, key: CellKey, tests: Iterable[str]
) -> dict[str, dict[str, InferenceConfig]]:
    """The evaluations of an arm by test set, then by name. `recipe` is the recipe of the arm's run.

    An arm is evaluated on the test sets of its track, on the dialogues that the track holds out, and, if it is part of
    the transfer matrix, on all other `tests`.
    """
    names, own = list(tests), study.evaluations_of(recipe, key.arm)
    own_tests = study.tracks[key.track].tests
    due = dict.fromkeys([key.track] if own_tests is None else own_tests, own)
    if held_out_name(key.track) in names:
        due[held_out_name(key.track)] = {name: own[name] for name in study.held_out_evaluations if name in own}
    if study.transfer is not None and study.transfers(key):
        transfer_tests = {name: recipe.inference_config(name) for name in study.transfer.evaluations}
        due |= {test: transfer_tests for test in names if test not in due}
    return {test: evaluations for test, evaluations in due.items() if evaluations}
