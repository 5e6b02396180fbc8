"""The places of a study's results (a base, trained on a track, tested on a test set), and how the results were made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

from fliptrace.report.study.wording import short
from fliptrace.study.evidence.values import AblationRow, AblationTable, Estimate, Header, StudyReport, Test, Track
from fliptrace.study.names import is_own_test


class Placed(Protocol):
    """Anything that belongs to a place: a table of the report, or the `where` of a row."""

    @property
    def base(self) -> str: ...
    @property
    def track(self) -> str: ...
    @property
    def test(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Place:
    """A base, trained on a track, tested on a test set.

    `tables` is its ablation, one table per evaluation and at least one. `arm` is the last arm of the stack, `name` the
    heading. `rule` is the F1 of the best rule, which may have been measured for another track, as rules do not learn.
    """

    base: str
    track: Track
    test: Test
    tables: tuple[AblationTable, ...]
    arm: str | None
    rule: Estimate | None
    name: str

    def holds(self, one: Placed) -> bool:
        return (one.base, one.track, one.test) == (self.base, self.track.name, self.test.name)

    @property
    def is_own(self) -> bool:
        """Whether the test set belongs to the track: its val split, or the dialogues held out of its training."""
        return is_own_test(self.track.name, self.test.name)

    @property
    def rule_row(self) -> AblationRow | None:
        """The row of the best rule; None where it was not measured for this track."""
        return next((row for row in self.tables[0].rows if row.name == self.tables[0].best_rule), None)

    @property
    def rows(self) -> Iterable[AblationRow]:
        """Every arm once, from the first evaluation that has it, then every baseline."""
        rows: dict[str, AblationRow] = {}
        for row in (row for table in self.tables for row in table.rows):
            rows.setdefault(row.name, row)
        return sorted(rows.values(), key=lambda row: row.kind != "arm")

    def f1(self, name: str, evaluation: str) -> Estimate | None:
        found = (
            row.f1 for table in self.tables if table.evaluation == evaluation for row in table.rows if row.name == name
        )
        return next(found, None)


def places(report: StudyReport) -> tuple[Place, ...]:
    """The places of the ablation tables, in their order."""
    tracks = {track.name: track for track in report.header.tracks}
    tests = {test.name: test for test in report.header.tests}
    leaks = {(row.base, row.track, row.test): row for row in report.leaks}
    found = []
    for (base, track, test), tables in groupby(report.ablation, lambda table: (table.base, table.track, table.test)):
        trained = "" if is_own_test(track, test) else f", trained on {tracks[track].title}"
        name = f"{f'{base} · ' if len(report.header.bases) > 1 else ''}{tests[test].title}{trained}"
        leak = leaks.get((base, track, test))
        arm, rule = (leak.arm, leak.rule_f1) if leak else (None, None)
        found.append(Place(base, tracks[track], tests[test], tuple(tables), arm, rule, name))
    return tuple(found)


def row_name(row: AblationRow) -> str:
    """The name of a row, short enough for tables and charts. The titles of baselines have a table of their own."""
    match row.kind:
        case "arm":
            return row.title
        case "rule":
            return f"rule {row.name}"
        case "baseline":
            return row.name


def foot(header: Header, of: Sequence[Place] = (), seeds: Iterable[int] | None = None) -> str:
    """How to make a table again: command, seeds, and shortened hashes of recipe, training data and test sets."""
    parts = [
        " ; ".join(header.commands),
        f"seeds {', '.join(map(str, sorted(header.seeds if seeds is None else set(seeds))))}",
        f"recipe {', '.join(map(short, header.recipe_hashes))}",
    ]
    data = {f"{what} {short(sha)}": 0 for place in of for what, sha in place.track.data.items()}
    tests = {
        f"{place.test.name} groups {short(place.test.groups_sha256)}": 0 for place in of if place.test.groups_sha256
    }
    return " · ".join([*parts, *data, *tests])


def place_foot(header: Header, place: Place) -> str:
    """The foot of a table of one place, with the seeds of its arms."""
    return foot(header, [place], {seed for row in place.rows if row.kind == "arm" for seed in row.f1.by_seed})


def arm_at(header: Header, place: Place, arm: str) -> str:
    """The heading of results of one arm."""
    return f"{place.name}: {next(one.title for one in header.arms if one.name == arm)}"
