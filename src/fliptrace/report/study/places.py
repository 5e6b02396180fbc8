"""How the results of a study are named in its report, and how a reader can make a table again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fliptrace.report.study.wording import short
from fliptrace.study.evidence.gather import StudyReport
from fliptrace.study.evidence.table import Measured, Place


def row_name(m: Measured) -> str:
    """The name of a row, short enough for tables and charts. The titles of baselines have a table of their own."""
    match m.kind:
        case "arm":
            return m.title
        case "rule":
            return f"rule {m.where.arm}"
        case "baseline":
            return m.where.arm


def arm_at(report: StudyReport, place: Place, arm: str) -> str:
    """The heading of results of one arm."""
    return f"{report.place_name(place)}: {report.arm_title(arm)}"


def foot(report: StudyReport, of: Sequence[Place] = (), seeds: Iterable[int] | None = None) -> str:
    """How to make a table again: command, seeds, and shortened hashes of recipe, training data and test sets."""
    header = report.header
    parts = [
        " ; ".join(header.commands),
        f"seeds {', '.join(map(str, sorted(header.seeds if seeds is None else set(seeds))))}",
        f"recipe {', '.join(map(short, header.recipe_hashes))}",
    ]
    data = [f"{what} {short(sha)}" for place in of for what, sha in report.track(place.track).data.items()]
    hashes = {place.test: report.test(place.test).groups_sha256 for place in of}
    tests = [f"{name} groups {short(sha)}" for name, sha in hashes.items() if sha]
    return " · ".join([*parts, *dict.fromkeys(data), *tests])


def place_foot(report: StudyReport, place: Place) -> str:
    """The foot of a table of one place, with the seeds of its arms."""
    return foot(report, [place], {seed for m in place.rows if m.kind == "arm" for seed in m.by_seed})
