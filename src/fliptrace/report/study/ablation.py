"""Sections of a study's report: the ablation, and the leaks of the test sets, which qualify the ablation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from fliptrace.report.study.charts import ablation_chart, f1_span
from fliptrace.report.study.page import Block, Chart, Gallery, Points, Row, RowKind, Section, Table
from fliptrace.report.study.places import Place, foot, place_foot, row_name
from fliptrace.report.study.wording import average, by_seed, change, estimate, marked, p_value
from fliptrace.report.wording import count, decimals, percent, signed
from fliptrace.study.evidence.values import AblationRow, Difference, Header, LeakRow, StudyReport

_DIFFERENCE = ("difference in F1", "error reduction", "p", "p (Holm)", "seeds", "verdict")


def ablation(report: StudyReport, places: Sequence[Place]) -> Section:
    own = [place for place in places if place.is_own]
    others = [place for place in places if not place.is_own]
    blocks: list[Block] = [
        Gallery("", tuple(_ablation_charts(report, own))),
        *(block for place in own for block in (_matrix(report.header, place), _planned(report.header, place))),
        *(make(report.header, place) for place in own for make in (_comparisons, _steps, _scores)),
        *(_matrix(report.header, place, is_folded=True) for place in others),
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


def _ablation_charts(report: StudyReport, places: Sequence[Place]) -> Iterator[Chart]:
    """One chart per place, of its first evaluation, all on one axis. Untuned models may lie beyond the axis."""
    untuned = {arm.name for arm in report.header.arms if arm.parent is None}
    rows = [row for place in places for row in place.tables[0].rows]
    for place in places:
        span = f1_span([row.f1 for row in rows if row.name not in untuned] or [row.f1 for row in rows])
        table = place.tables[0]
        caption = f"{place.name}, evaluation “{table.evaluation}”"
        yield Chart(caption, partial(ablation_chart, table, place.rule, caption, span))


def _matrix(header: Header, place: Place, *, is_folded: bool = False) -> Table:
    evaluations = [table.evaluation for table in place.tables]
    rows = [Row((row_name(row), *_by_evaluation(place, row)), _row_kind(row, place)) for row in place.rows]
    if place.rule and not place.rule_row:
        rows.append(Row(("best rule", estimate(place.rule), *[""] * (len(evaluations) - 1)), "best"))
    title = f"{place.name}: arm by evaluation"
    return Table(title, ("", *evaluations), tuple(rows), place_foot(header, place), is_folded=is_folded)


def _by_evaluation(place: Place, row: AblationRow) -> Iterator[str]:
    """The F1 of a row in every evaluation. Baselines have a single evaluation, shown in the first column."""
    for number, table in enumerate(place.tables):
        yield estimate(place.f1(row.name, table.evaluation)) if row.kind == "arm" or number == 0 else ""


def _planned(header: Header, place: Place) -> Table:
    """The planned comparisons with one column per evaluation, which shows findings that hold in one evaluation only."""
    found = {(one.question, table.evaluation): one.difference for table in place.tables for one in table.comparisons}
    evaluations = [table.evaluation for table in place.tables]
    rows = [
        Row((question, *(marked(found.get((question, evaluation))) for evaluation in evaluations)))
        for question in dict.fromkeys(question for question, _ in found)
    ]
    title = f"{place.name}: planned comparisons"
    return Table(title, ("", *evaluations), tuple(rows), place_foot(header, place), is_dense=True)


def _comparisons(header: Header, place: Place) -> Table:
    names = {row.name: row_name(row) for row in place.rows}
    rows = []
    for table in place.tables:
        rows.append(Row((f"evaluation “{table.evaluation}”",), "group"))
        for one in table.comparisons:
            cells = (one.question, _step(names, one.difference), *_difference_cells(one.difference))
            rows.append(Row(cells, one.difference.verdict))
    columns = ("question", "from → to", *_DIFFERENCE)
    title = f"{place.name}: planned comparisons, with p"
    return Table(title, columns, tuple(rows), place_foot(header, place), frozenset({"from → to"}), is_folded=True)


def _scores(header: Header, place: Place) -> Table:
    rows = []
    for table in place.tables:
        rows.append(Row((f"evaluation “{table.evaluation}”",), "group"))
        rows += [Row(_score_cells(row), _row_kind(row, place)) for row in table.rows]
    columns = ("", "F1", "sd", "single seeds", "F1, left-out threshold", "precision", "recall", "exact match")
    return Table(f"{place.name}: all scores", columns, tuple(rows), place_foot(header, place), is_folded=True)


def _score_cells(row: AblationRow) -> tuple[str, ...]:
    single = by_seed(row.f1.by_seed)
    rest = (estimate(row.left_out), *map(average, (row.precision, row.recall, row.exact_match)))
    return (row_name(row), estimate(row.f1), decimals(row.f1.sd), single, *rest)


def _steps(header: Header, place: Place) -> Table:
    """The difference of every arm from its parent, whether new instructions or more training caused it."""
    names = {row.name: row_name(row) for row in place.rows}
    rows = []
    for table in place.tables:
        rows.append(Row((f"evaluation “{table.evaluation}”",), "group"))
        for row in table.rows:
            if row.from_parent:
                cells = (_step(names, row.from_parent), *_difference_cells(row.from_parent))
                rows.append(Row(cells, row.from_parent.verdict))
    columns = ("from → to", *_DIFFERENCE)
    title = f"{place.name}: from stage to stage"
    return Table(title, columns, tuple(rows), place_foot(header, place), is_folded=True)


def _step(names: Mapping[str, str], found: Difference) -> str:
    """The two arms of a difference. A rule without a row here was measured for another track."""
    return f"{names.get(found.before, found.before)} → {names.get(found.after, found.after)}"


def _difference_cells(found: Difference) -> tuple[str, ...]:
    """For the columns of _DIFFERENCE."""
    reduced = percent(found.relative_error_reduction)
    return (change(found), reduced, p_value(found.p), p_value(found.p_holm), str(found.num_seeds), found.verdict)


def _row_kind(row: AblationRow, place: Place) -> RowKind:
    if row.kind == "arm":
        return ""
    return "best" if row.name == place.tables[0].best_rule else "rule"


def leaks(report: StudyReport, places: Sequence[Place]) -> Section:
    hint = (
        "A test set that shares dialogues with the training data inflates the score of any model that can memorize. "
        "Rules memorize nothing: their score shows how hard a split is, and only the difference from the best rule can "
        "be compared between splits."
    )
    columns = ("test set", "shared with the training data", "flips", "best rule", "the whole stack", "difference")
    rows = [_leak_row(place, row) for row in report.leaks for place in places if place.holds(row)]
    table = Table("", columns, tuple(rows), foot(report.header, places), frozenset(columns[1:2]))
    known = Points(tuple(f"{track.title}, {line}" for track in report.header.tracks for line in track.known_leaks))
    return Section("leaks", "Do the splits leak?", hint, (table, known))


def _leak_row(place: Place, row: LeakRow) -> Row:
    difference = signed(row.f1.mean - row.rule_f1.mean) if row.rule_f1 else "–"
    return Row((place.name, row.leaks, count(row.num_flips), estimate(row.rule_f1), estimate(row.f1), difference))
