"""Sections of a study's report with the F1 of one arm: by decoding method, across languages, and by slice."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from fliptrace.report.study.charts import MOST_SLICES, k_curve_chart, slice_chart, transfer_chart
from fliptrace.report.study.page import Chart, Gallery, Row, Section, Table
from fliptrace.report.study.places import arm_at, foot, place_foot
from fliptrace.report.study.wording import arrows, average, estimate, marked, p_value
from fliptrace.report.wording import count, decimals, signed
from fliptrace.scoring.intervals import Interval
from fliptrace.scoring.seeds import SeedScores
from fliptrace.study.evidence.gather import StudyReport
from fliptrace.study.evidence.questions import FROM_GREEDY
from fliptrace.study.evidence.slices import KINDS, SliceRow, slice_rows
from fliptrace.study.evidence.table import Evidence, Measured, Place

_SLICES = ("flip type", "distance from the target", "number of speakers", "length of the dialogue", "code-mixing")
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


def decoding(report: StudyReport) -> Section:
    found = [(place, arm) for place in report.places for arm in place.arms]
    curves = [
        Chart(arm_at(report, place, arm), partial(_k_curves, report, place, arm))
        for place, arm in found
        if place.is_own and arm == place.arm and any(m.any_seed["k_curve"] for m in place.of_arm(arm))
    ]
    hint = (
        "All evaluations of one arm. Exact decoding scores all answers instead of drawing samples. “Left-out "
        "threshold” scores each group of dialogues at the support threshold that is best on all other groups. "
        "Agreement is the share of samples that equal the most frequent answer to their flip. In the charts, the band "
        "is the 95% interval of the vote over k samples. Most of its width comes from the choice of dialogues, which "
        "is the same for every k."
    )
    tables = [_decoding_table(report, place, arm) for place, arm in found]
    tables.sort(key=lambda table: table.is_folded)
    return Section("decoding", "Decoding", hint, (Gallery("", tuple(curves)), *tables))


def _k_curves(report: StudyReport, place: Place, arm: str) -> str:
    evidence, curves = report.evidence, {}
    for m in place.of_arm(arm):
        ks = sorted({point["k"] for metrics in m.by_seed.values() for point in metrics["k_curve"] or ()})
        if ks:
            curves[m.where.evaluation] = {k: evidence.scores[*m.where, f"k_curve.{k}.f1"] for k in ks}
    lines = [
        (m.where.evaluation, m.any_seed["decode"] == "exact", evidence.f1(m).mean)
        for m in place.of_arm(arm)
        if m.any_seed["decode"] != "sample" and not m.any_seed["judge"]
    ]
    return k_curve_chart(curves, lines, evidence.rule_f1(place), arm_at(report, place, arm))


def _decoding_table(report: StudyReport, place: Place, arm: str) -> Table:
    gains = {d.after: d for d in report.differences_at(place) if d.question == FROM_GREEDY}
    rows = []
    for m in place.of_arm(arm):
        d, of, any_seed = gains.get(m.where), partial(report.evidence.of, m.where), m.any_seed
        asks = f"{any_seed['ask']}, then judging" if any_seed["judge"] else any_seed["ask"]
        samples = "all" if any_seed["decode"] == "exact" else str(any_seed["num_samples"])
        against = (marked(d), p_value(d.p_holm) if d else "–")
        num_unparsed, num_answers = (report.evidence.total(m.where, name) for name in ("num_unparsed", "num_answers"))
        f1s = (estimate(of("f1")), estimate(of("left_out.f1")))
        rest = (average(of("agreement")), f"{num_unparsed / max(num_answers, 1):.1%}")
        rows.append(Row((m.where.evaluation, asks, samples, *f1s, *against, *rest)))
    if place.rule:
        rows.append(Row(("best rule", "–", "–", estimate(report.evidence.rule_f1(place)), *("–",) * 5), "best"))
    is_folded = not place.is_own or arm != place.arm
    texts = frozenset({"asks for"})
    return Table(arm_at(report, place, arm), _DECODING, tuple(rows), place_foot(report, place), texts, is_folded)


class Transfer(NamedTuple):
    """One arm of a base in its first evaluation: F1 by training and test data. `rules` are the best rules by test.

    A track's own test is on the diagonal. The key of `f1` is the track and the test set.
    """

    base: str
    arm: str
    evaluation: str
    tracks: tuple[str, ...]
    tests: tuple[str, ...]
    f1: dict[tuple[str, str], SeedScores]
    rules: dict[str, SeedScores]


def transfers(evidence: Evidence) -> tuple[Transfer, ...]:
    """One for every base and arm that was tested on another track, too."""
    firsts: dict[tuple[str, str], list[tuple[Place, Measured]]] = {}
    for place in evidence.places:
        for arm in place.arms:
            m = place.of_arm(arm)[0]
            firsts.setdefault((place.base, arm), []).append((place, m))
    found = []
    for (base, arm), every in firsts.items():
        evaluation = every[0][1].where.evaluation
        of = [(place, m) for place, m in every if m.where.evaluation == evaluation]
        tracks = tuple(dict.fromkeys(place.track for place, _ in of))
        tests = dict.fromkeys(place.test for place, _ in of)
        in_order = tuple(dict.fromkeys([*(track for track in tracks if track in tests), *tests]))
        f1 = {(place.track, place.test): evidence.f1(m) for place, m in of}
        rules = {place.test: evidence.f1(place.rule) for place, _ in of if place.rule}
        if not all(place.is_own for place, _ in of):
            found.append(Transfer(base, arm, evaluation, tracks, in_order, f1, rules))
    return tuple(found)


def transfer(report: StudyReport) -> Section:
    stack = {(place.base, place.arm) for place in report.places}
    charts, tables = [], []
    for found in transfers(report.evidence):
        base = f"{found.base} · " if len(report.header.bases) > 1 else ""
        name = f"{base}{report.arm_title(found.arm)}, evaluation “{found.evaluation}”"
        is_stack = (found.base, found.arm) in stack
        if is_stack:
            draw = partial(transfer_chart, found.f1, found.rules, found.tracks, found.tests, name)
            charts.append(Chart(name, draw))
        tables.append(_transfer_table(report, found, name, is_folded=not is_stack))
    hint = (
        "Models are trained on the row and tested on the column: F1, its standard deviation over seeds, and its 95% "
        "interval. The last row is the best rule, which is not trained."
    )
    tables.sort(key=lambda table: table.is_folded)
    return Section("transfer", "Across languages", hint, (Gallery("", tuple(charts)), *tables))


def _transfer_table(report: StudyReport, found: Transfer, name: str, *, is_folded: bool) -> Table:
    rows = [
        Row((report.track(track).title, *(_with_sd(found.f1.get((track, test))) for test in found.tests)))
        for track in found.tracks
    ]
    if found.rules:
        rows.append(Row(("best rule", *(_with_sd(found.rules.get(test)) for test in found.tests)), "best"))
    columns = ("trained on", *(report.test(test).title for test in found.tests))
    of = [place for place in report.places if place.base == found.base]
    return Table(name, columns, tuple(rows), foot(report, of), is_folded=is_folded)


def _with_sd(found: SeedScores | None) -> str:
    return f"{average(found)} {estimate(found).partition(' ')[2]}".strip()


def slices(report: StudyReport) -> Section:
    blocks: list[Gallery | Table] = []
    tables = []
    for place in report.places:
        by_kind = zip(_SLICES, (slice_rows(place.headline, place.rule, kind) for kind in KINDS), strict=True)
        found = {title: rows for title, rows in by_kind if rows}
        if found:
            name = f"{arm_at(report, place, place.arm)}, evaluation “{place.headline.where.evaluation}”"
            blocks.append(Gallery(name, tuple(_slice_charts(found, name)), is_folded=not place.is_own))
            tables.append(_slice_table(report, place, found, name))
    hint = (
        "Dots are the model, with bars for its standard deviation over seeds; squares are the best rule. The number "
        "after each name is its number of flips. Slices have no interval, and small slices say little."
    )
    return Section("slices", "Where the model is right", hint, (*blocks, *tables))


def _slice_charts(found: dict[str, tuple[SliceRow, ...]], name: str) -> Iterator[Chart]:
    values = [f1 for rows in found.values() for row in rows for f1 in (row.f1, row.rule_f1) if f1 is not None]
    span = Interval(max(0.0, min(values) - 0.05), min(1.0, max(values) + 0.05))
    for title, rows in found.items():
        by = f"by {title}{f', the {MOST_SLICES} largest' if len(rows) > MOST_SLICES else ''}"
        yield Chart(by, partial(slice_chart, rows, span, f"{by}: {name}"))


def _slice_table(report: StudyReport, place: Place, found: dict[str, tuple[SliceRow, ...]], name: str) -> Table:
    rows = []
    for title, of_kind in found.items():
        rows.append(Row((title,), "group"))
        for row in of_kind:
            f1 = decimals(row.f1) if row.sd is None else f"{decimals(row.f1)} ± {decimals(row.sd)}"
            against = signed(row.f1 - row.rule_f1) if row.rule_f1 is not None else "–"
            rows.append(Row((arrows(row.name), count(row.num_flips), f1, decimals(row.rule_f1), against)))
    rule = f"best rule ({place.rule.where.arm})" if place.rule else "best rule"
    columns = ("slice", "flips", "F1", rule, "difference")
    return Table(name, columns, tuple(rows), place_foot(report, place), is_folded=True)
