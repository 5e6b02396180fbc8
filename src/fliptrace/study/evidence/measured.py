"""The cells of a study, regrouped: every evaluation of every arm on every test set, with its metrics by seed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json
from fliptrace.models.rules import RULES
from fliptrace.scoring.counts import Floats, f1_of_totals
from fliptrace.scoring.intervals import Settings
from fliptrace.scoring.seeds import score_seeds
from fliptrace.study.arms import Arm
from fliptrace.study.evidence.values import Average, Estimate, Interval, RowKind, Where
from fliptrace.study.names import BASELINE, is_own_test


@dataclass(frozen=True, slots=True)
class Measured:
    """One evaluation of an arm or a baseline on a test set, with metrics by seed in ascending order of seeds."""

    where: Where
    title: str
    kind: RowKind
    test_title: str
    num_flips: int
    groups_sha256: str | None
    leaks: str
    by_seed: Mapping[int, Json]

    @property
    def is_own_test(self) -> bool:
        """Whether the test set belongs to the track that was trained on."""
        return is_own_test(self.where.track, self.where.test)

    @property
    def any_seed(self) -> Json:
        return next(iter(self.by_seed.values()))

    @property
    def num_groups(self) -> int:
        return len(self.any_seed["tp"])

    @property
    def mean_f1(self) -> float:
        return float(f1_of_totals(counts_of(self.by_seed.values()).sum(axis=2)).mean())

    def at(self, seed: int) -> Json:
        """The metrics of a seed. A rule learns nothing, so its metrics are the same for all seeds."""
        return self.any_seed if self.kind == "rule" else self.by_seed[seed]


class Table(NamedTuple):
    """The key of a table: a base, trained on a track, tested on a test set."""

    base: str
    track: str
    test: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that was measured, ordered by bases and tracks as in the cells, then by arms, then by evaluations."""

    arms: tuple[Arm, ...]
    measured: tuple[Measured, ...]
    settings: Settings

    @property
    def models(self) -> tuple[Measured, ...]:
        return tuple(m for m in self.measured if m.kind == "arm")

    @property
    def tables(self) -> tuple[Table, ...]:
        return tuple(dict.fromkeys(table_of(m) for m in self.models))

    @property
    def tested(self) -> tuple[Arm, ...]:
        """The arms that have a control to beat, in order."""
        return tuple(arm for arm in self.arms if arm.control is not None)

    @property
    def stack(self) -> tuple[Arm, ...]:
        """The arms among `tested` that are stages of the method itself."""
        return tuple(arm for arm in self.tested if not arm.is_extended)

    def of_table(self, table: Table) -> tuple[Measured, ...]:
        return tuple(m for m in self.models if table_of(m) == table)

    def baselines(self, track: str, test: str) -> tuple[Measured, ...]:
        """Each baseline in its first evaluation."""
        firsts: dict[str, Measured] = {}
        for m in self.measured:
            if m.kind != "arm" and (m.where.track, m.where.test) == (track, test):
                firsts.setdefault(m.where.arm, m)
        return tuple(firsts.values())

    def best_rule(self, like: Measured) -> Measured | None:
        """The rule with the highest F1 on the same cases. It may come from another track, because it learns nothing."""
        same = (like.where.test, like.groups_sha256, like.num_groups)
        rules = [m for m in self.measured if m.kind == "rule" and (m.where.test, m.groups_sha256, m.num_groups) == same]
        return max(rules, key=lambda rule: rule.mean_f1, default=None)

    def headline(self, table: Table) -> Measured:
        """The last measured arm of the stack in its first evaluation, so that neither is picked by its score."""
        members = self.of_table(table)
        stages = [arm.name for arm in self.stack]
        last = max(members, key=lambda m: stages.index(m.where.arm) if m.where.arm in stages else -1)
        return next(m for m in members if m.where.arm == last.where.arm)


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
    measured = [_measured(where, dict(sorted(by_seed.items())), titles) for where, by_seed in found.items()]
    return Evidence(tuple(arms), _in_order(measured, cells, tuple(titles)), settings)


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


def estimate(by_seed: Mapping[int, Json], settings: Settings) -> Estimate:
    """Mean F1 over seeds, from anything that has `tp` and `wrong` by group."""
    scores = score_seeds(counts_of(by_seed.values()), settings)
    interval = None if scores.interval is None else Interval(*scores.interval)
    return Estimate(scores.mean, scores.sd, interval, dict(zip(by_seed, scores.by_seed, strict=True)))


def estimate_left_out(measured: Measured, settings: Settings) -> Estimate | None:
    """F1 with each group at the threshold that is best on all others; None where support is a plain yes or no."""
    by_seed = {seed: metrics["left_out"] for seed, metrics in measured.by_seed.items() if metrics["left_out"]}
    return estimate(by_seed, settings) if by_seed else None


def average(values: Iterable[float | None]) -> Average | None:
    """The mean over the seeds that have a value; None where no seed has one.

    >>> average([0.5, None, 1.5])
    Average(mean=1.0, sd=0.7071067811865476, num_seeds=2)
    """
    known = [value for value in values if value is not None]
    if not known:
        return None
    sd = float(np.std(known, ddof=1)) if len(known) > 1 else None
    return Average(float(np.mean(known)), sd, len(known))


def mean_of(values: Iterable[float]) -> Average:
    """The mean of a metric that every seed has."""
    found = average(values)
    assert found is not None
    return found


def table_of(measured: Measured) -> Table:
    return Table(measured.where.base, measured.where.track, measured.where.test)


def _measured(where: Where, by_seed: Mapping[int, tuple[Json, Json]], titles: Mapping[str, str]) -> Measured:
    first_cell, first = next(iter(by_seed.values()))
    metrics = {seed: tested["evaluations"][where.evaluation] for seed, (_, tested) in by_seed.items()}
    for seed, (cell, tested) in by_seed.items():
        same = tested.get("groups_sha256") == first.get("groups_sha256")
        if not same or len(metrics[seed]["tp"]) != len(first["evaluations"][where.evaluation]["tp"]):
            message = f"test {where.test!r} has other groups than in {cell_name(first_cell)}; expected the same"
            raise InputError(cell_name(cell), message)
    is_baseline = where.base == BASELINE
    kind: RowKind = "arm" if not is_baseline else "rule" if where.arm in RULES else "baseline"
    return Measured(
        where=where,
        title=first_cell.get("title", where.arm) if is_baseline else titles[where.arm],
        kind=kind,
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
        place = names.index(m.where.arm) if m.where.arm in names else len(names)
        return bases.index(m.where.base), tracks.index(m.where.track), not m.is_own_test, m.where.test, place

    return tuple(sorted(measured, key=key))  # stable: evaluations stay in the order of the cell
