"""Estimate how long the cells of a study will take on this machine, made one after another.

A cell is expected to take as long as the same arm took with another seed. Without such a cell, the estimate comes from
a trial of a few seconds (training/speed.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import mean
from typing import NamedTuple

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json
from fliptrace.models.rules import RULES
from fliptrace.study.evaluations_by_test import evaluations_by_test
from fliptrace.study.names import BASELINE
from fliptrace.study.plan import CellKey, Study
from fliptrace.study.reproduce import StudyFolder
from fliptrace.study.test_sets import TestSet, load_tests, load_track
from fliptrace.training.data import TrainingData
from fliptrace.training.recipe_tables import BASE
from fliptrace.training.speed import Speed, measure_speed
from fliptrace.training.stage_tree import needed_for

# Seconds to fit a baseline and to predict all test sets, for 1,000 training cases. Measured with 4,000 cases of MELD-FR
# on one core of the machine of docs/results.md (words 10 s, trees 14 s, encoder from scratch 180 to 270 s).
_BASELINE_SECONDS = {"words": 2.5, "trees": 3.5, "encoder": 60.0}


def estimate_study(folder: StudyFolder, keys: Sequence[CellKey]) -> dict[CellKey, float | None]:
    """Estimate the minutes of cells of a study on disk (`estimate_minutes`). InputError where a corpus is missing."""
    if not keys:
        return {}
    tracks = dict.fromkeys(key.track for key in keys)
    data = {track: load_track(folder.study, track, folder.root) for track in tracks}
    return estimate_minutes(folder.study, keys, data, load_tests(folder.study, folder.root), folder.finished())


def estimate_minutes(
    study: Study,
    keys: Sequence[CellKey],
    data: Mapping[str, TrainingData],
    tests: Mapping[str, TestSet],
    finished: Mapping[CellKey, Json],
) -> dict[CellKey, float | None]:
    """Estimate the minutes of each of `keys`, in order; None where nothing is known.

    `data` is by track; `tests` are all test sets. Where an arm has no finished cell of any seed, its base and track are
    timed in one trial of a few seconds.
    """
    known = _mean_seconds(finished)
    untimed = [key for key in keys if _Place.of(key) not in known and key.base != BASELINE]
    speeds = _measure(study, untimed, data, tests)

    def seconds(key: CellKey) -> float | None:
        place = _Place.of(key)
        if place in known:
            return known[place]
        if key.base == BASELINE:
            return _baseline_seconds(key.arm, len(data[key.track].train))
        speed = speeds[key.base, key.track]
        return None if speed is None else _expected_seconds(speed, _work(study, key, tests), tests)

    return {key: None if (each := seconds(key)) is None else each / 60 for key in keys}


class _Place(NamedTuple):
    """The key of a cell without its seed."""

    base: str
    track: str
    arm: str

    @classmethod
    def of(cls, key: CellKey) -> _Place:
        return cls(key.base, key.track, key.arm)


class _Work(NamedTuple):
    """The work of a cell: stages to train, and evaluations by test set."""

    stages: tuple[str, ...]
    evaluations: Mapping[str, Iterable[str]]


def _mean_seconds(finished: Mapping[CellKey, Json]) -> dict[_Place, float]:
    """Mean seconds of training and evaluations over seeds. Cells without recorded seconds are left out."""
    seconds: dict[_Place, list[float]] = {}
    for key, cell in finished.items():
        timed = _seconds_of(cell)
        if timed:
            seconds.setdefault(_Place.of(key), []).append(timed)
    return {place: mean(each) for place, each in seconds.items()}


def _seconds_of(cell: Json) -> float:
    costs = [evaluation["cost"] for test in cell["tests"].values() for evaluation in test["evaluations"].values()]
    parts = [cell["training"], *costs]
    return sum(part["seconds"] or 0 for part in parts if part is not None)


def _baseline_seconds(name: str, num_train: int) -> float:
    return 0.0 if name in RULES else _BASELINE_SECONDS[name] * num_train / 1000


def _measure(
    study: Study, keys: Iterable[CellKey], data: Mapping[str, TrainingData], tests: Mapping[str, TestSet]
) -> dict[tuple[str, str], Speed | None]:
    """Run one trial per base and track that covers the work of these cells. None where no trial is possible."""
    work: dict[tuple[str, str], list[_Work]] = {}
    for key in keys:
        work.setdefault((key.base, key.track), []).append(_work(study, key, tests))
    speeds: dict[tuple[str, str], Speed | None] = {}
    for (base, track), parts in work.items():
        stages = {stage for part in parts for stage in part.stages}
        evaluations = {name for part in parts for names in part.evaluations.values() for name in names}
        recipe = study.recipe(base, track, study.seeds[0])
        try:
            speeds[base, track] = measure_speed(recipe, data[track], stages=stages, evaluations=evaluations)
        except InputError:  # the base is missing, which must not keep cells from being listed
            speeds[base, track] = None
    return speeds


def _work(study: Study, key: CellKey, tests: Mapping[str, TestSet]) -> _Work:
    """The work of an arm: its own stage, those earlier stages that are not cells of the track, and its evaluations."""
    recipe, arms = study.recipe(key.base, key.track, key.seed), study.tracks[key.track].arms
    stages = [] if key.arm == BASE else needed_for(recipe.stages, [key.arm])
    others = [stage.name for stage in stages if arms is not None and stage.name not in arms]
    own = [] if key.arm == BASE else [key.arm]
    return _Work((*others, *own), evaluations_by_test(study, recipe, key, tests))


def _expected_seconds(speed: Speed, work: _Work, tests: Mapping[str, TestSet]) -> float:
    training = sum(speed.stages[stage] for stage in work.stages)
    evaluation = sum(
        len(tests[test].cases) * speed.cases[name] for test, names in work.evaluations.items() for name in names
    )
    return training + evaluation
