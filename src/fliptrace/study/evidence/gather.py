"""Collect all results of a study from its cells. This module reads no files and draws nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fliptrace.core.files import Json
from fliptrace.corpora.leaks import LeakReport
from fliptrace.scoring.intervals import Settings
from fliptrace.study.arms import Arm
from fliptrace.study.evidence.ablation import ablation_tables, summaries
from fliptrace.study.evidence.costs import evaluation_costs, training_costs
from fliptrace.study.evidence.decoding import decoding_tables
from fliptrace.study.evidence.measured import Evidence, Measured, read_cells
from fliptrace.study.evidence.paper import Found, paper_rows
from fliptrace.study.evidence.reliability import (
    anomaly_rows,
    calibrations,
    judging_rows,
    rationale_rows,
    risk_coverages,
)
from fliptrace.study.evidence.slices import flip_matrices, slice_tables
from fliptrace.study.evidence.transfer import leak_rows, transfer_matrices
from fliptrace.study.evidence.values import Header, StudyReport, Test, Track
from fliptrace.study.names import BASELINE

# Enough draws that the ends of an interval move by only about 1.5% of its width when the bootstrap's seed changes, and
# that p_holm over 40 tests can still reach 0.01.
DRAWS = Settings(num_draws=5_000)


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
    ablation = ablation_tables(evidence)
    found = Found(
        ablation,
        summaries(evidence, ablation),
        flip_matrices(facts),
        anomaly_rows(evidence),
        transfer_matrices(evidence),
    )
    return StudyReport(
        header=_header(evidence, cells, facts, name, num_planned),
        summaries=found.summaries,
        remarks=tuple(_remarks(evidence, cells, num_planned)),
        paper=paper_rows(evidence, found),
        ablation=ablation,
        decoding=decoding_tables(evidence),
        transfer=found.transfer,
        flip_matrices=found.flip_matrices,
        slices=slice_tables(evidence),
        anomalies=found.anomalies,
        calibration=calibrations(evidence),
        risk_coverage=risk_coverages(evidence),
        judging=judging_rows(evidence),
        rationales=rationale_rows(evidence),
        training_costs=training_costs(cells),
        evaluation_costs=evaluation_costs(evidence),
        leaks=leak_rows(evidence),
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
        leaks={test: tested["leaks"] for cell in own for test, tested in cell["tests"].items()},
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
