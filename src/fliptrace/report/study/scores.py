"""Sections of a study's report with the F1 of one arm: by decoding method, across languages, and by slice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby

from fliptrace.report.study.charts import MOST_SLICES, k_curve_chart, slice_chart, transfer_chart
from fliptrace.report.study.page import Chart, Gallery, Row, Section, Table
from fliptrace.report.study.places import Place, arm_at, foot, place_foot
from fliptrace.report.study.wording import arrows, average, estimate, marked, p_value
from fliptrace.report.wording import count, decimals, signed
from fliptrace.study.evidence.values import (
    DecodingRow,
    DecodingTable,
    Estimate,
    Header,
    Interval,
    SliceTable,
    StudyReport,
    TransferMatrix,
)

_SLICES = {
    "flip_type": "flip type",
    "distance": "distance from the target",
    "speakers": "number of speakers",
    "length": "length of the dialogue",
    "code_mixing": "code-mixing",
}
_DECODING = (
    "evaluation",
    "asks for",
    "samples",
    "F1",
    "F1, left-out threshold",
    "difference from greedy",
    "p (Holm)",
    "agreement",
    "unparsed",
)


def decoding(report: StudyReport, places: Sequence[Place]) -> Section:
    found = [(place, table) for place in places for table in report.decoding if place.holds(table)]
    curves = [
        Chart(arm_at(report.header, place, table.arm), partial(_k_curve, place, table, report.header))
        for place, table in found
        if table.k_curves and place.is_own and table.arm == place.arm
    ]
    hint = (
        "All evaluations of one arm. Exact decoding scores all answers instead of drawing samples. “Left-out "
        "threshold” scores each group of dialogues at the support threshold that is best on all other groups. "
        "Agreement is the share of samples that equal the most frequent answer to their flip. In the charts, the band "
        "is the 95% interval of the vote over k samples. Most of its width comes from the choice of dialogues, which "
        "is the same for every k."
    )
    tables = [_decoding_table(report.header, place, table) for place, table in found]
    tables.sort(key=lambda table: table.is_folded)
    return Section("decoding", "Decoding", hint, (Gallery("", tuple(curves)), *tables))


def _k_curve(place: Place, table: DecodingTable, header: Header) -> str:
    return k_curve_chart(table, place.rule, arm_at(header, place, table.arm))


def _decoding_table(header: Header, place: Place, table: DecodingTable) -> Table:
    rows = [_decoding_row(row) for row in table.rows]
    if place.rule:
        rows.append(Row(("best rule", "–", "–", estimate(place.rule), *("–",) * 5), "best"))
    title = arm_at(header, place, table.arm)
    texts = frozenset({"asks for"})
    is_folded = not place.is_own or table.arm != place.arm
    return Table(title, _DECODING, tuple(rows), place_foot(header, place), texts, is_folded)


def _decoding_row(row: DecodingRow) -> Row:
    asks = f"{row.ask}, then judging" if row.judge else row.ask
    found = row.from_greedy
    against = (marked(found), p_value(found.p_holm) if found else "–")
    samples = "all" if row.decode == "exact" else str(row.num_samples)
    f1s = (estimate(row.f1), estimate(row.left_out))
    unparsed = f"{row.share_unparsed:.1%}"
    return Row((row.evaluation, asks, samples, *f1s, *against, average(row.agreement), unparsed))


def transfer(report: StudyReport, places: Sequence[Place]) -> Section:
    header = report.header
    titles = {test.name: test.title for test in header.tests}
    trained = {track.name: track.title for track in header.tracks}
    arms = {arm.name: arm.title for arm in header.arms}
    stack = {(place.base, place.arm) for place in places}
    charts, tables = [], []
    for matrix in report.transfer:
        is_stack = (matrix.base, matrix.arm) in stack
        base = f"{matrix.base} · " if len(header.bases) > 1 else ""
        name = f"{base}{arms.get(matrix.arm, matrix.arm)}, evaluation “{matrix.evaluation}”"
        if is_stack:
            charts.append(Chart(name, partial(transfer_chart, matrix, name)))
        of = [place for place in places if place.base == matrix.base]
        tables.append(_transfer_table(matrix, name, trained, titles, foot(header, of), is_folded=not is_stack))
    hint = (
        "Models are trained on the row and tested on the column: F1, its standard deviation over seeds, and its 95% "
        "interval. The last row is the best rule, which is not trained."
    )
    tables.sort(key=lambda table: table.is_folded)
    return Section("transfer", "Across languages", hint, (Gallery("", tuple(charts)), *tables))


def _transfer_table(
    matrix: TransferMatrix,
    name: str,
    trained: Mapping[str, str],
    titles: Mapping[str, str],
    made: str,
    *,
    is_folded: bool,
) -> Table:
    cells = {(cell.train, cell.test): cell.f1 for cell in matrix.cells}
    rows = [
        Row((trained[train], *(_with_sd(cells.get((train, test))) for test in matrix.tests))) for train in matrix.trains
    ]
    if matrix.rules:
        rows.append(Row(("best rule", *(_with_sd(matrix.rules.get(test)) for test in matrix.tests)), "best"))
    columns = ("trained on", *(titles[test] for test in matrix.tests))
    return Table(name, columns, tuple(rows), made, is_folded=is_folded)


def _with_sd(found: Estimate | None) -> str:
    return f"{average(found)} {estimate(found).partition(' ')[2]}".strip()


def slices(report: StudyReport, places: Sequence[Place]) -> Section:
    blocks: list[Gallery | Table] = []
    tables = []
    for place in places:
        here = [table for table in report.slices if table.rows and place.holds(table.where)]
        for arm, of_arm in groupby(here, lambda table: (table.where.arm, table.where.evaluation)):
            found = list(of_arm)
            name = f"{arm_at(report.header, place, arm[0])}, evaluation “{arm[1]}”"
            blocks.append(Gallery(name, tuple(_slice_charts(found, name)), is_folded=not place.is_own))
            tables.append(_slice_table(report.header, place, found, name))
    hint = (
        "Dots are the model, with bars for its standard deviation over seeds; squares are the best rule. The number "
        "after each name is its number of flips. Slices have no interval, and small slices say little."
    )
    return Section("slices", "Where the model is right", hint, (*blocks, *tables))


def _slice_charts(tables: Sequence[SliceTable], name: str) -> Iterator[Chart]:
    values = [f1 for table in tables for row in table.rows for f1 in (row.f1, row.rule_f1) if f1 is not None]
    span = Interval(max(0.0, min(values) - 0.05), min(1.0, max(values) + 0.05))
    for table in tables:
        by = f"by {_SLICES[table.by]}{f', the {MOST_SLICES} largest' if len(table.rows) > MOST_SLICES else ''}"
        yield Chart(by, partial(slice_chart, table, span, f"{by}: {name}"))


def _slice_table(header: Header, place: Place, tables: Sequence[SliceTable], name: str) -> Table:
    rows = []
    for table in tables:
        rows.append(Row((_SLICES[table.by],), "group"))
        for row in table.rows:
            f1 = decimals(row.f1) if row.sd is None else f"{decimals(row.f1)} ± {decimals(row.sd)}"
            against = signed(row.f1 - row.rule_f1) if row.rule_f1 is not None else "–"
            rows.append(Row((arrows(row.name), count(row.num_flips), f1, decimals(row.rule_f1), against)))
    rule = next((table.rule for table in tables if table.rule), None)
    columns = ("slice", "flips", "F1", f"best rule ({rule})" if rule else "best rule", "difference")
    return Table(name, columns, tuple(rows), place_foot(header, place), is_folded=True)
