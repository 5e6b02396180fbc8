"""Sections of a study's report: the ablation, and the leaks of the test sets, which qualify the ablation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from fliptrace.report.study.charts import ablation_chart, f1_span
from fliptrace.report.study.page import Block, Chart, Gallery, Points, Row, RowKind, Section, Table
from fliptrace.report.study.places import foot, place_foot, row_name
from fliptrace.report.study.wording import average, by_seed, change, estimate, marked, p_value
from fliptrace.report.wording import count, decimals, percent, signed
from fliptrace.study.evidence.differences import Difference
from fliptrace.study.evidence.gather import StudyReport
from fliptrace.study.evidence.questions import FROM_GREEDY, FROM_PARENT
from fliptrace.study.evidence.table import Measured, Place

_DIFFERENCE = ("difference in F1", "error reduction", "p", "p (Holm)", "seeds", "verdict")


def ablation(report: StudyReport) -> Section:
    own = report.own_places
    blocks: list[Block] = [
        Gallery("", tuple(_ablation_charts(report))),
        *(make(report, place) for place in own for make in (_matrix, _planned)),
        *(make(report, place) for place in own for make in (_comparisons, _steps, _scores)),
        *(_matrix(report, place, is_folded=True) for place in report.places if not place.is_own),
    ]
    hint = (
        "Trigger F1, mean over seeds, with 95% intervals that cover other dialogues and other seeds. Large dots are "
        "means, small dots are single seeds. The dashed line with the shaded band is the best rule with its interval. "
        "An arrow marks a value beyond the edge of the chart. Whether intervals overlap decides little: differences "
        "are paired over the same dialogues and seeds, with p values from permutations of whole groups, corrected by "
        "Holm's method over all differences of a base, track and test set. ▲ helps, ▼ hurts; no sign means noise: the "
        "interval includes 0, or the corrected p is 0.05 or more. Rules and other baselines have a single evaluation."
    )
    return Section("ablation", "Ablation", hint, tuple(blocks))


def planned_at(report: StudyReport, place: Place) -> tuple[Difference, ...]:
    """The answers to the planned questions of a place, in the order of its evaluations."""
    return tuple(d for d in report.differences_at(place) if d.question not in (FROM_PARENT, FROM_GREEDY))


def _rows(place: Place, evaluation: str) -> tuple[Measured, ...]:
    return (*place.by_arm(evaluation).values(), *place.baselines)


def _ablation_charts(report: StudyReport) -> Iterator[Chart]:
    """One chart per place, of its first evaluation, all on one axis. Untuned models may lie beyond the axis."""
    f1, untuned = report.evidence.f1, {arm.name for arm in report.header.arms if arm.parent is None}
    rows = [m for place in report.own_places for m in _rows(place, place.evaluations[0])]
    for place in report.own_places:
        span = f1_span([f1(m) for m in rows if m.where.arm not in untuned] or [f1(m) for m in rows])
        caption = f"{report.place_name(place)}, evaluation “{place.evaluations[0]}”"
        dots = [(row_name(m), m.kind == "arm", f1(m)) for m in _rows(place, place.evaluations[0])]
        yield Chart(caption, partial(ablation_chart, dots, report.evidence.rule_f1(place), caption, span))


def _matrix(report: StudyReport, place: Place, *, is_folded: bool = False) -> Table:
    rows = [Row((row_name(m), *_by_evaluation(report, place, m)), _row_kind(m, place)) for m in place.rows]
    blanks = [""] * (len(place.evaluations) - 1)
    if place.rule and all(row.kind != "best" for row in rows):
        rows.append(Row(("best rule", estimate(report.evidence.rule_f1(place)), *blanks), "best"))
    title = f"{report.place_name(place)}: arm by evaluation"
    return Table(title, ("", *place.evaluations), tuple(rows), place_foot(report, place), is_folded=is_folded)


def _by_evaluation(report: StudyReport, place: Place, m: Measured) -> Iterator[str]:
    """The F1 of a row in every evaluation. Baselines have a single evaluation, shown in the first column."""
    for number, evaluation in enumerate(place.evaluations):
        if m.kind == "arm":
            yield estimate(report.evidence.of(m.where._replace(evaluation=evaluation), "f1"))
        else:
            yield "" if number else estimate(report.evidence.f1(m))


def _planned(report: StudyReport, place: Place) -> Table:
    """The planned comparisons with one column per evaluation, which shows findings that hold in one evaluation only."""
    found = {(d.question, d.after.evaluation): d for d in planned_at(report, place)}
    rows = [
        Row((question, *(marked(found.get((question, evaluation))) for evaluation in place.evaluations)))
        for question in dict.fromkeys(question for question, _ in found)
    ]
    title = f"{report.place_name(place)}: planned comparisons"
    return Table(title, ("", *place.evaluations), tuple(rows), place_foot(report, place), is_dense=True)


def _comparisons(report: StudyReport, place: Place) -> Table:
    found = planned_at(report, place)

    def rows(evaluation: str) -> Iterator[Row]:
        for d in found:
            if d.after.evaluation == evaluation:
                yield Row((d.question, *_difference_cells(place, d)), d.verdict)

    columns = ("question", "from → to", *_DIFFERENCE)
    return _detail(report, place, "planned comparisons, with p", columns, rows, frozenset({"from → to"}))


def _steps(report: StudyReport, place: Place) -> Table:
    """The difference of every arm from its parent, whether new instructions or more training caused it."""
    found = [d for d in report.differences_at(place) if d.question == FROM_PARENT]

    def rows(evaluation: str) -> Iterator[Row]:
        for d in found:
            if d.after.evaluation == evaluation:
                yield Row(_difference_cells(place, d), d.verdict)

    return _detail(report, place, "from stage to stage", ("from → to", *_DIFFERENCE), rows)


def _scores(report: StudyReport, place: Place) -> Table:
    def rows(evaluation: str) -> Iterator[Row]:
        for m in _rows(place, evaluation):
            yield Row(_score_cells(report, m), _row_kind(m, place))

    columns = ("", "F1", "sd", "single seeds", "F1, left-out threshold", "precision", "recall", "exact match")
    return _detail(report, place, "all scores", columns, rows)


def _detail(
    report: StudyReport,
    place: Place,
    title: str,
    columns: tuple[str, ...],
    rows: Callable[[str], Iterator[Row]],
    texts: frozenset[str] = frozenset(),
) -> Table:
    """A folded table of a place, with the rows of each evaluation under its name."""
    every: list[Row] = []
    for evaluation in place.evaluations:
        every += [Row((f"evaluation “{evaluation}”",), "group"), *rows(evaluation)]
    name = f"{report.place_name(place)}: {title}"
    return Table(name, columns, tuple(every), place_foot(report, place), texts, is_folded=True)


def _score_cells(report: StudyReport, m: Measured) -> tuple[str, ...]:
    f1 = report.evidence.f1(m)
    rest = [average(report.evidence.of(m.where, metric)) for metric in ("precision", "recall", "exact_match")]
    left_out = estimate(report.evidence.of(m.where, "left_out.f1"))
    return (row_name(m), estimate(f1), decimals(f1.sd), by_seed(f1.by_seed), left_out, *rest)


def _difference_cells(place: Place, d: Difference) -> tuple[str, ...]:
    """The two arms, then the columns of _DIFFERENCE. A rule without a row here was measured for another track."""
    names = {m.where.arm: row_name(m) for m in place.rows}
    step = " → ".join(names.get(where.arm, where.arm) for where in (d.before, d.after))
    reduced = percent(d.relative_error_reduction)
    return (step, change(d), reduced, p_value(d.p), p_value(d.p_holm), str(d.num_seeds), d.verdict)


def _row_kind(m: Measured, place: Place) -> RowKind:
    if m.kind == "arm":
        return ""
    return "best" if place.rule and m.where.arm == place.rule.where.arm else "rule"


def leaks(report: StudyReport) -> Section:
    hint = (
        "A test set that shares dialogues with the training data inflates the score of any model that can memorize. "
        "Rules memorize nothing: their score shows how hard a split is, and only the difference from the best rule can "
        "be compared between splits."
    )
    columns = ("test set", "shared with the training data", "flips", "best rule", "the whole stack", "difference")
    rows = tuple(_leak_row(report, place) for place in report.places)
    table = Table("", columns, rows, foot(report, report.places), frozenset(columns[1:2]))
    known = Points(tuple(f"{track.title}, {line}" for track in report.header.tracks for line in track.known_leaks))
    return Section("leaks", "Do the splits leak?", hint, (table, known))


def _leak_row(report: StudyReport, place: Place) -> Row:
    m, f1 = place.headline, report.evidence.f1(place.headline)
    rule = report.evidence.rule_f1(place)
    difference = signed(f1.mean - rule.mean) if rule else "–"
    return Row((report.place_name(place), m.leaks, count(m.num_flips), estimate(rule), estimate(f1), difference))
