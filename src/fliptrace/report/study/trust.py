"""Sections of a study's report on whether answers can be trusted: judging, anomalies, rationales and support."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from fliptrace.report.study.confidence_charts import reliability_chart, risk_coverage_chart
from fliptrace.report.study.page import Chart, Gallery, Row, Section, Table
from fliptrace.report.study.places import foot
from fliptrace.report.study.wording import average, share
from fliptrace.report.wording import count
from fliptrace.study.evidence.gather import StudyReport
from fliptrace.study.evidence.support import mean_risk_coverage, pool_calibration
from fliptrace.study.evidence.table import Measured, Place

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


def judging(report: StudyReport) -> Section:
    hint = (
        "A model answers, judges its answer, and answers again where it judged the answer wrong. “Right” means that "
        "the whole set of triggers is right. “Always keep” counts the drafts without any judging. Balanced accuracy is "
        "that of the verdicts “right” and “wrong”; 0.5 is chance. Counts are summed over seeds."
    )

    def cells(m: Measured) -> tuple[str, ...]:
        def total(name: str) -> int:
            return report.evidence.total(m.where, f"self_evaluation.{name}")

        num_drafts = total("num_drafts")
        right = (total("num_right_before"), total("num_right_after"))
        changed = (total("wrong_to_right"), total("right_to_wrong"), total("num_without_verdict"))
        accuracy = average(report.evidence.of(m.where, "self_evaluation.verdict_balanced_accuracy"))
        shares = (f"{count(number)} ({share(number, num_drafts)})" for number in right)
        return (count(num_drafts), *shares, *map(count, changed), accuracy)

    def rule(place: Place) -> Row | None:
        same = [m for m in place.baselines if place.rule and m.where.arm == place.rule.where.arm]
        exact = [f"{report.evidence.mean(m.where, 'exact_match'):.1%}" for m in same]
        return Row(("best rule", "–", exact[0], *("–",) * 5), "best") if exact else None

    tables = by_place(report, _JUDGING, "self_evaluation", cells, rule)
    return Section("self-evaluation", "Self-evaluation", hint, tables)


def anomalies(report: StudyReport) -> Section:
    hint = (
        "Counts over all answers of all seeds, as generated. “Prevented” counts how often a constrained evaluation, "
        "which can generate nothing illegal, would have done so without the constraint. “Cut” counts flips that did "
        "not fit the prompt and lost their oldest utterances. Rules and baselines cannot name an utterance that does "
        "not exist."
    )
    kinds = tuple(dict.fromkeys(kind for m in report.evidence.models for kind in m.names("anomalies")))

    def cells(m: Measured) -> tuple[str, ...]:
        total = partial(report.evidence.total, m.where)
        counts = [count(total(f"anomalies.{kind}")) for kind in kinds]
        numbers = {kind: total(f"prevented.{kind}") for kind in m.names("prevented")}
        prevented = ", ".join(f"{count(number)} {kind}" for kind, number in numbers.items() if number) or "–"
        return (
            *(count(total(name)) for name in ("num_answers", "num_unparsed")),
            *counts,
            prevented,
            count(total("num_cut_cases")),
        )

    columns = ("", "answers", "unparsed", *kinds, "prevented", "cut")
    tables = by_place(report, columns, "anomalies", cells, texts=frozenset({"prevented"}))
    return Section("anomalies", "Impossible answers", hint, tables)


def rationales(report: StudyReport) -> Section:
    hint = (
        "Every observation in a rationale is checked against its prompt; a false one is not supported there. Rules and "
        "baselines give no rationales."
    )

    def cells(m: Measured) -> tuple[str, ...]:
        def total(name: str) -> int:
            return report.evidence.total(m.where, f"rationales.{name}")

        num, num_observations, num_false = map(total, ("num_rationales", "num_observations", "num_false_observations"))
        share_false = f"{num_false / max(num_observations, 1):.1%}"
        contradictions = total("num_self_contradictions")
        counts = (count(num), count(num_observations), count(num_false))
        return (*counts, share_false, f"{count(contradictions)} ({share(contradictions, num)})")

    columns = ("", "rationales", "observations", "false", "share false", "answers that contradict their verdicts")
    return Section("reasons", "Are the rationales true?", hint, by_place(report, columns, "rationales", cells))


def support(report: StudyReport) -> Section:
    hint = (
        "Support is the share of samples that name an utterance, or its probability with exact decoding. On the "
        "diagonal, support equals the share of utterances that are triggers; the bars count the utterances. ECE is the "
        "mean distance from the diagonal. AURC is the mean error rate when only the most confident flips are answered; "
        "lower is better. Rules have no support, so their line is the F1 over all flips."
    )
    charts = [chart for place in report.own_places for chart in _reliability_charts(report, place)]
    coverage = [chart for place in report.own_places for chart in _coverage_chart(report, place)]

    def cells(m: Measured) -> tuple[str, ...]:
        metrics = ("calibration.ece", "calibration.brier", "risk_coverage.aurc")
        return tuple(average(report.evidence.of(m.where, metric)) for metric in metrics)

    galleries = (Gallery("", tuple(charts), is_small=True), Gallery("", tuple(coverage)))
    tables = by_place(report, ("", "ECE", "Brier", "AURC"), "calibration", cells)
    return Section("support", "Can support be trusted?", hint, (*galleries, *tables))


def _reliability_charts(report: StudyReport, place: Place) -> Iterator[Chart]:
    for m in place.of_arm(place.arm):
        found = pool_calibration(m)
        if found is not None:
            name, evaluation = report.place_name(place), m.where.evaluation
            yield Chart(
                f"{name}, evaluation “{evaluation}”", partial(reliability_chart, found, f"{name}, {evaluation}")
            )


def _coverage_chart(report: StudyReport, place: Place) -> Iterator[Chart]:
    curves = {m.where.evaluation: curve for m in place.of_arm(place.arm) if (curve := mean_risk_coverage(m))}
    if curves:
        name, rule = report.place_name(place), report.evidence.rule_f1(place)
        yield Chart(name, partial(risk_coverage_chart, curves, rule, name))


def by_place(
    report: StudyReport,
    columns: tuple[str, ...],
    metric: str,
    cells: Callable[[Measured], tuple[str, ...]],
    rule: Callable[[Place], Row | None] = lambda place: None,
    *,
    texts: frozenset[str] = frozenset(),
    title: str = "",
) -> tuple[Table, Table]:
    """Two tables of the evaluations that have a metric, named by arm and evaluation and grouped by place.

    The first holds the last arm of the stack on the test sets of its own track. The second holds the rest and is
    folded.
    """

    def table(title: str, *, is_main: bool) -> Table:
        rows: list[Row] = []
        of = []
        for place in report.places:
            found = [
                m
                for m in place.models
                if (place.is_own and m.where.arm == place.arm) == is_main
                and any(metrics[metric] is not None for metrics in m.by_seed.values())
            ]
            if found:
                of.append(place)
                rows.append(Row((report.place_name(place),), "group"))
                rows += [Row((f"{m.title} · {m.where.evaluation}", *cells(m))) for m in found]
                rows += filter(None, [rule(place)])
        return Table(title, columns, tuple(rows), foot(report, of), texts, is_folded=not is_main)

    return table(title, is_main=True), table("All other arms and tests", is_main=False)
