"""Collect all results of a study from its cells. This module reads no files and draws nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fliptrace.core.files import Json
from fliptrace.corpora.leaks import LeakReport
from fliptrace.scoring.intervals import Settings
from fliptrace.study.arms import Arm
from fliptrace.study.evidence.differences import Difference
from fliptrace.study.evidence.flips import FlipMatrix, flip_matrices
from fliptrace.study.evidence.questions import Summary, answer_questions, summarize
from fliptrace.study.evidence.table import Evidence, Measured, Place, read_cells
from fliptrace.study.names import BASELINE

# Enough draws that the ends of an interval move by only about 1.5% of its width when the bootstrap's seed changes, and
# that p_holm over 40 tests can still reach 0.01.
DRAWS = Settings(num_draws=5_000)


@dataclass(frozen=True, slots=True)
class Track:
    """Training data. `data` maps each file to its hash.

    `known_leaks` are lines about the splits of the corpus itself, official and by group, whatever was trained here.
    """

    name: str
    title: str
    data: Mapping[str, str]
    known_leaks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Test:
    """A test set. `groups_sha256` is None where the cells do not contain it."""

    name: str
    title: str
    num_flips: int
    num_groups: int
    groups_sha256: str | None


@dataclass(frozen=True, slots=True)
class Header:
    """What was run: `num_cells` of `num_planned` cells are finished (`num_planned` is None where unknown).

    `commands`, `recipe_hashes` and `versions` (package to versions) have more than one entry where the cells differ.
    """

    name: str
    bases: tuple[str, ...]
    tracks: tuple[Track, ...]
    tests: tuple[Test, ...]
    seeds: tuple[int, ...]
    arms: tuple[Arm, ...]
    commands: tuple[str, ...]
    recipe_hashes: tuple[str, ...]
    versions: Mapping[str, tuple[str, ...]]
    num_cells: int
    num_planned: int | None


@dataclass(frozen=True, slots=True)
class StudyReport:
    """All results of a study.

    `summaries` feed the lead paragraph. `remarks` are what a reader must know about the metrics, most serious first
    (missing cells, leaks, choices made on test data).
    """

    header: Header
    evidence: Evidence
    differences: tuple[Difference, ...]
    summaries: tuple[Summary, ...]
    flip_matrices: tuple[FlipMatrix, ...]
    remarks: tuple[str, ...]

    @property
    def places(self) -> tuple[Place, ...]:
        return self.evidence.places

    @property
    def own_places(self) -> tuple[Place, ...]:
        """The places where a model is tested on its own track."""
        return tuple(place for place in self.places if place.is_own)

    def track(self, name: str) -> Track:
        return next(track for track in self.header.tracks if track.name == name)

    def test(self, name: str) -> Test:
        return next(test for test in self.header.tests if test.name == name)

    def arm_title(self, name: str) -> str:
        return next((arm.title for arm in self.header.arms if arm.name == name), name)

    def differences_at(self, place: Place) -> tuple[Difference, ...]:
        return tuple(d for d in self.differences if d.after[:3] == (place.base, place.track, place.test))

    def place_name(self, place: Place) -> str:
        """The heading of a place."""
        base = f"{place.base} · " if len(self.header.bases) > 1 else ""
        trained = "" if place.is_own else f", trained on {self.track(place.track).title}"
        return f"{base}{self.test(place.test).title}{trained}"


def gather(
    cells: Sequence[Json],
    facts: Json,
    arms: Sequence[Arm],
    *,
    name: str = "study",
    num_planned: int | None = None,
    settings: Settings = DRAWS,
) -> StudyReport:
    """Collect the results of these cells, however many of the planned ones are finished.

    `facts` is {"tracks": {name: {"title": ..., plus what facts.track_facts returns}}}. `arms` are in the order of the
    report. InputError names a cell of an unknown arm, or one that was evaluated on other cases than the rest.
    """
    evidence = read_cells(cells, arms, settings)
    differences = tuple(answer_questions(evidence, settings))
    return StudyReport(
        header=_header(evidence, cells, facts, name, num_planned),
        evidence=evidence,
        differences=differences,
        summaries=summarize(evidence, differences),
        flip_matrices=flip_matrices(facts),
        remarks=tuple(_remarks(evidence, cells, num_planned)),
    )


def _header(evidence: Evidence, cells: Sequence[Json], facts: Json, name: str, num_planned: int | None) -> Header:
    tests = {m.where.test: m for m in evidence.measured}
    packages = dict.fromkeys(package for cell in cells for package in cell["versions"])
    return Header(
        name=name,
        bases=tuple(dict.fromkeys(cell["base"] for cell in cells if cell["base"] != BASELINE)),
        tracks=tuple(_track(track, cells, facts) for track in dict.fromkeys(cell["track"] for cell in cells)),
        tests=tuple(Test(test, m.test_title, m.num_flips, m.num_groups, m.groups_sha256) for test, m in tests.items()),
        seeds=tuple(sorted({cell["seed"] for cell in cells})),
        arms=evidence.arms,
        commands=tuple(dict.fromkeys(cell["command"] for cell in cells)),
        recipe_hashes=tuple(dict.fromkeys(cell["recipe_sha256"] for cell in cells)),
        versions={
            package: tuple(dict.fromkeys(str(c["versions"][package]) for c in cells if package in c["versions"]))
            for package in packages
        },
        num_cells=len(cells),
        num_planned=num_planned,
    )


def _track(track: str, cells: Sequence[Json], facts: Json) -> Track:
    of_track = facts["tracks"].get(track, {})
    own = [cell for cell in cells if cell["track"] == track]
    return Track(
        name=track,
        title=of_track.get("title", track),
        data={key: str(value) for cell in own for key, value in cell["data"].items()},
        known_leaks=tuple(_known_leaks(of_track.get("leaks", {}))),
    )


def _known_leaks(leaks: Json) -> Iterator[str]:
    """One line per kind of split. Its first five numbers are the fields of a LeakReport."""
    for split, numbers in leaks.items():
        report = LeakReport(**{name: numbers[name] for name in LeakReport.__dataclass_fields__})
        yield f"{split}: {report}"


def _remarks(evidence: Evidence, cells: Sequence[Json], num_planned: int | None) -> Iterator[str]:
    """Remarks, most serious first: what is missing, what inflates scores, and what the metrics cannot show."""
    if num_planned is not None and len(cells) < num_planned:
        yield f"{num_planned - len(cells):,} of {num_planned:,} cells are missing, so no row and no verdict is final."
    yield from dict.fromkeys(_leak(m) for m in evidence.models if not m.leaks.startswith("0 "))
    yield from _seeds(evidence)
    yield (
        "“Noise” does not prove that there is no effect. It means that these dialogues and runs could not show one. "
        "Intervals cover the choice of dialogues and of seeds, and tend to be too wide where seeds are few. "
        "p values are about these runs on other dialogues. “Helps” and “hurts” need both."
    )
    yield (
        "Holm's correction covers all differences of a base, track and test set, in all evaluations. "
        "Nothing is corrected across bases, tracks and test sets."
    )
    yield "Best arm and best rule were chosen on the cases they are compared on: treat their difference with care."


def _leak(measured: Measured) -> str:
    where = measured.where
    return f"Trained on {where.track}, tested on {where.test}: {measured.leaks}."


def _seeds(evidence: Evidence) -> Iterator[str]:
    num_seeds = {len(m.by_seed) for m in evidence.models}
    if num_seeds == {1}:
        yield "There is only one seed: the intervals cover other dialogues, but not other training runs."
    elif len(num_seeds) > 1:
        yield (
            f"Arms have from {min(num_seeds)} to {max(num_seeds)} seeds. Differences use the seeds that both arms "
            "have, so they may not equal the difference of the means shown."
        )
