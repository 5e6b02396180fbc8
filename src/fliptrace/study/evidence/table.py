"""The figures of a study as one tidy table, read from its cells.

A row is one figure: its base, track, test set, arm, evaluation, metric, seed and value. A metric is named by its place
in the cell, such as `precision` or `self_evaluation.num_drafts`. Three are computed from counts by group: `f1`,
`left_out.f1` (each group at the threshold that is best on all others) and `k_curve.K.f1` (the vote over K samples).
They also have a row without a seed: the mean over seeds, with the ends of its 95% interval, which covers the choice of
both dialogues and seeds. Slices stay in the cells, because their counts are summed before an F1 is computed.

Every F1 is that of class "trigger", pooled over all utterances of all cases of a test set.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json
from fliptrace.models.rules import RULES
from fliptrace.scoring.counts import Floats
from fliptrace.scoring.intervals import Interval, Settings
from fliptrace.scoring.seeds import SeedScores, score_seeds
from fliptrace.study.arms import Arm
from fliptrace.study.names import BASELINE, is_own_test

RowKind = Literal["arm", "rule", "baseline"]
TRAINING = "training"  # stands for the evaluation in the rows about the cost of training; their test set is ""


class Where(NamedTuple):
    """What a figure is about: an arm of a base, trained on a track, in one evaluation on a test set."""

    base: str
    track: str
    test: str
    arm: str
    evaluation: str


_METRIC = [*Where._fields, "metric"]
COLUMNS = [*_METRIC, "seed", "value", "low", "high"]


@dataclass(frozen=True, slots=True)
class Measured:
    """One evaluation of an arm or a baseline on a test set: what its cells tell, by seed in ascending order."""

    where: Where
    title: str
    kind: RowKind
    test_title: str
    num_flips: int
    groups_sha256: str | None
    leaks: str
    by_seed: Mapping[int, Json]

    @property
    def any_seed(self) -> Json:
        return next(iter(self.by_seed.values()))

    @property
    def num_groups(self) -> int:
        return len(self.any_seed["tp"])

    @property
    def groups(self) -> tuple[str, str | None, int]:
        """The test set and its groups of dialogues. Counts by group can be paired where these are equal."""
        return self.where.test, self.groups_sha256, self.num_groups

    def at(self, seed: int) -> Json:
        """The metrics of a seed. A rule learns nothing, so its metrics are the same for all seeds."""
        return self.any_seed if self.kind == "rule" else self.by_seed[seed]

    def names(self, metric: str) -> tuple[str, ...]:
        """The names that a metric with parts has in any seed, such as the kinds of `anomalies`, from A to Z."""
        return tuple(sorted({name for metrics in self.by_seed.values() for name in metrics[metric]}))


@dataclass(frozen=True, slots=True)
class Place:
    """A base, trained on a track, tested on a test set, with all that was measured there.

    `baselines` holds each baseline of the track in its first evaluation. `rule` is the rule with the highest F1 on the
    same cases; it may come from another track, because it learns nothing. `headline` is the last measured arm of the
    stack in its first evaluation, so that neither is picked by its score.
    """

    base: str
    track: str
    test: str
    models: tuple[Measured, ...]
    baselines: tuple[Measured, ...]
    rule: Measured | None
    headline: Measured

    @property
    def is_own(self) -> bool:
        """Whether the test set belongs to the track: its val split, or the dialogues held out of its training."""
        return is_own_test(self.track, self.test)

    @property
    def arm(self) -> str:
        return self.headline.where.arm

    @property
    def arms(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(m.where.arm for m in self.models))

    @property
    def evaluations(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(m.where.evaluation for m in self.models))

    @property
    def rows(self) -> tuple[Measured, ...]:
        """Every arm once, in the first evaluation that has it, then every baseline."""
        firsts: dict[str, Measured] = {}
        for evaluation in self.evaluations:
            for arm, m in self.by_arm(evaluation).items():
                firsts.setdefault(arm, m)
        return (*firsts.values(), *self.baselines)

    def by_arm(self, evaluation: str) -> dict[str, Measured]:
        return {m.where.arm: m for m in self.models if m.where.evaluation == evaluation}

    def of_arm(self, arm: str) -> tuple[Measured, ...]:
        return tuple(m for m in self.models if m.where.arm == arm)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that was measured, ordered by bases and tracks as in the cells, then by arms, then by evaluations."""

    arms: tuple[Arm, ...]
    table: pd.DataFrame
    measured: tuple[Measured, ...]
    places: tuple[Place, ...]
    scores: Mapping[tuple[str, ...], SeedScores]

    @property
    def models(self) -> tuple[Measured, ...]:
        return tuple(m for m in self.measured if m.kind == "arm")

    @property
    def tested(self) -> tuple[Arm, ...]:
        """The arms that have a control to beat, in order."""
        return tuple(arm for arm in self.arms if arm.control is not None)

    @property
    def stack(self) -> tuple[Arm, ...]:
        """The arms among `tested` that are stages of the method itself."""
        return _stack(self.arms)

    @property
    def trained(self) -> tuple[Where, ...]:
        """The places of the costs of training, in the order of the cells."""
        rows = self.table.loc[self.table["evaluation"] == TRAINING, list(Where._fields)]
        return tuple(Where(*row) for row in rows.drop_duplicates().itertuples(index=False))

    def of(self, where: Where, metric: str) -> SeedScores | None:
        """A metric over the seeds that have it; None where none has."""
        return self.scores.get((*where, metric))

    def mean(self, where: Where, metric: str) -> float:
        """The mean over seeds of a metric that was measured."""
        return self.scores[*where, metric].mean

    def total(self, where: Where, metric: str) -> int:
        """A count, summed over seeds."""
        found = self.of(where, metric)
        return 0 if found is None else round(sum(found.by_seed))

    def f1(self, m: Measured) -> SeedScores:
        return self.scores[*m.where, "f1"]

    def rule_f1(self, place: Place) -> SeedScores | None:
        """The F1 of the best rule; None where no rule was measured."""
        return self.f1(place.rule) if place.rule else None


def read_cells(cells: Sequence[Json], arms: Sequence[Arm], settings: Settings) -> Evidence:
    """Regroup the cells of a study. InputError names a cell whose arm is unknown, or whose test set differs."""
    titles = {arm.name: arm.title for arm in arms}
    found: dict[Where, dict[int, tuple[Json, Json]]] = {}
    for cell in cells:
        if cell["base"] != BASELINE and cell["arm"] not in titles:
            raise InputError(cell_name(cell), f"unknown arm; expected one of {', '.join(titles)}")
        for test, tested in cell["tests"].items():
            for evaluation in tested["evaluations"]:
                where = Where(cell["base"], cell["track"], test, cell["arm"], evaluation)
                found.setdefault(where, {})[cell["seed"]] = (cell, tested)
    each = [_measured(where, dict(sorted(by_seed.items())), titles) for where, by_seed in found.items()]
    measured = _in_order(each, cells, tuple(titles))
    rows = [*(row for m in measured for row in _figures(m, settings)), *_training_figures(cells)]
    table = pd.DataFrame(rows, columns=COLUMNS).astype({"seed": "Int64", "low": float, "high": float})
    scores = _over_seeds(table)
    return Evidence(tuple(arms), table, measured, tuple(_places(measured, arms, scores)), scores)


def cell_name(cell: Json) -> str:
    """The name of a cell's file, without its extension.

    >>> cell_name({"base": "tiny", "track": "meld", "seed": 0, "arm": "chain"})
    'tiny.meld.seed-0.chain'
    """
    return f"{cell['base']}.{cell['track']}.seed-{cell['seed']}.{cell['arm']}"


def counts_of(metrics: Iterable[Json]) -> Floats:
    """Right and wrong utterances by seed and group, shape (2, seeds, groups)."""
    rows = list(metrics)
    return np.array([[row[kind] for row in rows] for kind in ("tp", "wrong")], dtype=np.float64)


def _measured(where: Where, by_seed: Mapping[int, tuple[Json, Json]], titles: Mapping[str, str]) -> Measured:
    first_cell, first = next(iter(by_seed.values()))
    metrics = {seed: tested["evaluations"][where.evaluation] for seed, (_, tested) in by_seed.items()}
    for seed, (cell, tested) in by_seed.items():
        same = tested.get("groups_sha256") == first.get("groups_sha256")
        if not same or len(metrics[seed]["tp"]) != len(first["evaluations"][where.evaluation]["tp"]):
            message = f"test {where.test!r} has other groups than in {cell_name(first_cell)}; expected the same"
            raise InputError(cell_name(cell), message)
    is_baseline = where.base == BASELINE
    return Measured(
        where=where,
        title=first_cell.get("title", where.arm) if is_baseline else titles[where.arm],
        kind="arm" if not is_baseline else "rule" if where.arm in RULES else "baseline",
        test_title=first["title"],
        num_flips=first["num_flips"],
        groups_sha256=first.get("groups_sha256"),
        leaks=first["leaks"],
        by_seed=metrics,
    )


def _in_order(measured: Sequence[Measured], cells: Sequence[Json], arms: Sequence[str]) -> tuple[Measured, ...]:
    """Order by base and track as in the cells, own test first, then arms as in the study, rules, other baselines."""
    bases = list(dict.fromkeys(cell["base"] for cell in cells))
    tracks = list(dict.fromkeys(cell["track"] for cell in cells))
    names = [*arms, *RULES]

    def key(m: Measured) -> tuple[int, int, bool, str, int]:
        base, track, test, arm, _ = m.where
        place = names.index(arm) if arm in names else len(names)
        return bases.index(base), tracks.index(track), not is_own_test(track, test), test, place

    return tuple(sorted(measured, key=key))  # stable: evaluations stay in the order of the cell


_Row = tuple[str, str, str, str, str, str, int | None, float, float | None, float | None]


def _figures(m: Measured, settings: Settings) -> Iterator[_Row]:
    """The rows of the table about one evaluation."""
    counted: dict[str, dict[int, Json]] = {"f1": dict(m.by_seed)}
    for seed, metrics in m.by_seed.items():
        for metric, value in _numbers(metrics):
            yield (*m.where, metric, seed, value, None, None)
        if metrics["left_out"]:
            counted.setdefault("left_out.f1", {})[seed] = metrics["left_out"]
        for point in metrics["k_curve"] or ():
            counted.setdefault(f"k_curve.{point['k']}.f1", {})[seed] = point
    for metric, by_seed in counted.items():
        scores = score_seeds(counts_of(by_seed.values()), settings)
        for seed, value in zip(by_seed, scores.by_seed, strict=True):
            yield (*m.where, metric, seed, value, None, None)
        yield (*m.where, metric, None, scores.mean, *(scores.interval or (None, None)))


def _training_figures(cells: Sequence[Json]) -> Iterator[_Row]:
    """The cost of training. Arms without training, or not timed because of a kill, have no row."""
    for cell in cells:
        if cell["training"] is not None and cell["training"]["seconds"] is not None:
            where = Where(cell["base"], cell["track"], "", cell["arm"], TRAINING)
            for metric, value in _numbers(cell["training"]):
                yield (*where, metric, cell["seed"], value, None, None)


def _numbers(metrics: Json, path: str = "") -> Iterator[tuple[str, float]]:
    """All numbers of nested mappings, each with the names that lead to it. Lists are left out.

    >>> dict(_numbers({"recall": 0.5, "cost": {"seconds": 8, "steps": None}, "tp": [1, 2], "judge": True}))
    {'recall': 0.5, 'cost.seconds': 8.0}
    """
    for name, value in metrics.items():
        if isinstance(value, dict):
            yield from _numbers(value, f"{path}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{path}{name}", float(value)


def _over_seeds(table: pd.DataFrame) -> dict[tuple[str, ...], SeedScores]:
    """Every metric over its seeds: the mean, the sd, the interval where there is one, and the single values."""
    singles = table[table["seed"].notna()].groupby(_METRIC, sort=False)["value"].agg(list)
    means = table[table["seed"].isna() & table["low"].notna()].set_index(_METRIC)
    ends = dict(zip(means.index, zip(means["low"], means["high"], strict=True), strict=True))
    return {
        key: SeedScores(
            mean=float(np.mean(values)),
            sd=float(np.std(values, ddof=1)) if len(values) > 1 else None,
            interval=Interval(*ends[key]) if key in ends else None,
            by_seed=tuple(values),
        )
        for key, values in zip(singles.index.to_list(), singles, strict=True)
    }


def _places(
    measured: Sequence[Measured], arms: Sequence[Arm], scores: Mapping[tuple[str, ...], SeedScores]
) -> Iterator[Place]:
    stages = [arm.name for arm in _stack(arms)]
    models = [m for m in measured if m.kind == "arm"]
    for base, track, test in dict.fromkeys(m.where[:3] for m in models):
        here = tuple(m for m in models if m.where[:3] == (base, track, test))
        baselines: dict[str, Measured] = {}
        for m in measured:
            if m.kind != "arm" and m.where[1:3] == (track, test):
                baselines.setdefault(m.where.arm, m)
        last = max(here, key=lambda m: stages.index(m.where.arm) if m.where.arm in stages else -1)
        headline = next(m for m in here if m.where.arm == last.where.arm)
        rules = [m for m in measured if m.kind == "rule" and m.groups == headline.groups]
        rule = max(rules, key=lambda m: scores[*m.where, "f1"].mean, default=None)
        yield Place(base, track, test, here, tuple(baselines.values()), rule, headline)


def _stack(arms: Iterable[Arm]) -> tuple[Arm, ...]:
    return tuple(arm for arm in arms if arm.control is not None and not arm.is_extended)
