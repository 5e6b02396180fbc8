"""Sections of a study's report on whether answers can be trusted: judging, anomalies, rationales and support."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Protocol, TypeVar

from fliptrace.report.study.confidence_charts import reliability_chart, risk_coverage_chart
from fliptrace.report.study.page import Chart, Gallery, Row, Section, Table
from fliptrace.report.study.places import Place, foot
from fliptrace.report.study.wording import average, share
from fliptrace.report.wording import count
from fliptrace.study.evidence.values import (
    AnomalyRow,
    Calibration,
    Header,
    JudgingRow,
    RationaleRow,
    RiskCoverage,
    StudyReport,
    Where,
)

_JUDGING = (
    "",
    "drafts",
    "right, always keep",
    "right, after judging",
    "wrong → right",
    "right → wrong",
    "no verdict",
    "balanced accuracy",
)


class Found(Protocol):
    """A row of the report with its place."""

    @property
    def where(self) -> Where: ...


Some = TypeVar("Some", bound=Found)


def judging(report: StudyReport, places: Sequence[Place]) -> Section:
    hint = (
        "A model answers, judges its answer, and answers again where it judged the answer wrong. “Right” means that "
        "the whole set of triggers is right. “Always keep” counts the drafts without any judging. Balanced accuracy is "
        "that of the verdicts “right” and “wrong”; 0.5 is chance. Counts are summed over seeds."
    )
    tables = by_place(report.header, places, _JUDGING, report.judging, _judging_row, _rule_judged)
    return Section("self-evaluation", "Self-evaluation", hint, tables)


def _judging_row(name: str, row: JudgingRow) -> Row:
    before, after = (
        f"{count(right)} ({share(right, row.num_drafts)})" for right in (row.num_right_before, row.num_right_after)
    )
    changed = (count(row.wrong_to_right), count(row.right_to_wrong), count(row.num_without_verdict))
    return Row((name, count(row.num_drafts), before, after, *changed, average(row.balanced_accuracy)))


def _rule_judged(place: Place) -> Row | None:
    if place.rule_row is None:
        return None
    return Row(("best rule", "–", f"{place.rule_row.exact_match.mean:.1%}", *("–",) * 5), "best")


def anomalies(report: StudyReport, places: Sequence[Place]) -> Section:
    hint = (
        "Counts over all answers of all seeds, as generated. “Prevented” counts how often a constrained evaluation, "
        "which can generate nothing illegal, would have done so without the constraint. “Cut” counts flips that did "
        "not fit the prompt and lost their oldest utterances. Rules and baselines cannot name an utterance that does "
        "not exist."
    )
    kinds = tuple(dict.fromkeys(kind for row in report.anomalies for kind in row.raw))
    columns = ("", "answers", "unparsed", *kinds, "prevented", "cut")
    prevented = frozenset({"prevented"})
    make = partial(_anomaly_row, kinds)
    tables = by_place(report.header, places, columns, report.anomalies, make, texts=prevented)
    return Section("anomalies", "Impossible answers", hint, tables)


def _anomaly_row(kinds: Sequence[str], name: str, row: AnomalyRow) -> Row:
    prevented = ", ".join(f"{count(number)} {kind}" for kind, number in row.prevented.items() if number) or "–"
    raw = [count(row.raw.get(kind, 0)) for kind in kinds]
    return Row((name, count(row.num_answers), count(row.num_unparsed), *raw, prevented, count(row.num_cut_cases)))


def rationales(report: StudyReport, places: Sequence[Place]) -> Section:
    hint = (
        "Every observation in a rationale is checked against its prompt; a false one is not supported there. Rules and "
        "baselines give no rationales."
    )
    columns = ("", "rationales", "observations", "false", "share false", "answers that contradict their verdicts")
    tables = by_place(report.header, places, columns, report.rationales, _rationale_row)
    return Section("reasons", "Are the rationales true?", hint, tables)


def _rationale_row(name: str, row: RationaleRow) -> Row:
    false = (count(row.num_false_observations), f"{row.share_false:.1%}")
    contradictions = f"{count(row.num_self_contradictions)} ({share(row.num_self_contradictions, row.num_rationales)})"
    return Row((name, count(row.num_rationales), count(row.num_observations), *false, contradictions))


def support(report: StudyReport, places: Sequence[Place]) -> Section:
    own = [place for place in places if place.is_own]
    hint = (
        "Support is the share of samples that name an utterance, or its probability with exact decoding. On the "
        "diagonal, support equals the share of utterances that are triggers; the bars count the utterances. ECE is the "
        "mean distance from the diagonal. AURC is the mean error rate when only the most confident flips are answered; "
        "lower is better. Rules have no support, so their line is the F1 over all flips."
    )
    reliability = [
        Chart(f"{place.name}, evaluation “{found.where.evaluation}”", partial(reliability_chart, found, place.name))
        for place in own
        for found in report.calibration
        if place.holds(found.where) and found.where.arm == place.arm
    ]
    coverage = [chart for place in own for chart in _coverage_chart(place, report.risk_coverage)]
    galleries = (Gallery("", tuple(reliability), is_small=True), Gallery("", tuple(coverage)))
    blocks = (*galleries, *_support_tables(report, places))
    return Section("support", "Can support be trusted?", hint, blocks)


def _coverage_chart(place: Place, found: Iterable[RiskCoverage]) -> Iterator[Chart]:
    here = [one for one in found if place.holds(one.where) and one.where.arm == place.arm]
    if here:
        yield Chart(place.name, partial(risk_coverage_chart, here, place.rule, place.name))


def _support_tables(report: StudyReport, places: Sequence[Place]) -> tuple[Table, Table]:
    aurc = {one.where: one.aurc for one in report.risk_coverage}

    def make(name: str, row: Calibration) -> Row:
        return Row((name, average(row.ece), average(row.brier), average(aurc.get(row.where))))

    columns = ("", "ECE", "Brier", "AURC")
    return by_place(report.header, places, columns, report.calibration, make)


def by_place(
    header: Header,
    places: Sequence[Place],
    columns: tuple[str, ...],
    found: Sequence[Some],
    make: Callable[[str, Some], Row],
    rule: Callable[[Place], Row | None] = lambda place: None,
    *,
    texts: frozenset[str] = frozenset(),
    title: str = "",
) -> tuple[Table, Table]:
    """Two tables with one row per element of `found`, named by arm and evaluation and grouped by place.

    The first holds the last arm of the stack on the test sets of its own track. The second holds the rest and is
    folded.
    """
    main = [one for one in found if _is_main(one, places)]
    rest = [one for one in found if not _is_main(one, places)]
    tables = []
    for part in (main, rest):
        of = [place for place in places if any(place.holds(one.where) for one in part)]
        rows = [row for place in of for row in _place_rows(header, place, part, make, rule)]
        is_folded = part is rest
        heading = "All other arms and tests" if is_folded else title
        tables.append(Table(heading, columns, tuple(rows), foot(header, of), texts, is_folded))
    return tables[0], tables[1]


def _is_main(row: Found, places: Sequence[Place]) -> bool:
    return any(place.is_own and place.holds(row.where) and place.arm == row.where.arm for place in places)


def _place_rows(
    header: Header,
    place: Place,
    found: Sequence[Some],
    make: Callable[[str, Some], Row],
    rule: Callable[[Place], Row | None],
) -> Iterator[Row]:
    arms = {arm.name: arm.title for arm in header.arms}
    yield Row((place.name,), "group")
    for one in found:
        if place.holds(one.where):
            yield make(f"{arms[one.where.arm]} · {one.where.evaluation}", one)
    yield from filter(None, [rule(place)])
