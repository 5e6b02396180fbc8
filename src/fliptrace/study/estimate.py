"""How long the cells of a study will take on this machine: as long as the same arm took with another seed, or what a
trial of some seconds lets expect (training/speed.py). One cell after the other, one at a time.
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
from fliptrace.training.recipe import BASE
from fliptrace.training.speed import Speed, measure_speed
from fliptrace.training.stage_tree import needed_for

# Seconds of fitting a baseline and asking it about everything, for 1,000 training cases: one core of the machine that
# docs/results.md was measured on, 4,000 cases of MELD-FR (words 10 s, trees 14 s, encoder from nothing 180 to 270 s).
_BASELINE_SECONDS = {"words": 2.5, "trees": 3.5, "encoder": 60.0}


def estimate_study(folder: StudyFolder, keys: Sequence[CellKey]) -> dict[CellKey, float | None]:
    """Minutes of each cell of a study on disk, as `estimate_minutes` has it. InputError where a corpus is missing."""
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
    """Minutes of each of `keys`, in order; None where nothing is known. `data` are by track, `tests` all there are.

    Each base and track of which an arm has no finished cell is tried once, for some seconds.
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
    """A cell but for its seed."""

    base: str
    track: str
    arm: str

    @classmethod
    def of(cls, key: CellKey) -> _Place:
        return cls(key.base, key.track, key.arm)


class _Work(NamedTuple):
    """What a cell takes: stages to be trained, and readings by test set."""

    stages: tuple[str, ...]
    evaluations: Mapping[str, Iterable[str]]


def _mean_seconds(finished: Mapping[CellKey, Json]) -> dict[_Place, float]:
    """Of training and readings, over seeds; cells that tell of no seconds tell nothing."""
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
    """By base and track: one trial of all that these cells take. None where there can be none."""
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
        except InputError:  # the base is not at hand; a list of cells is no place to fail for it
            speeds[base, track] = None
    return speeds


def _work(study: Study, key: CellKey, tests: Mapping[str, TestSet]) -> _Work:
    """An arm trains its own stage, and with it those it grows from that are no cells of the track."""
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
