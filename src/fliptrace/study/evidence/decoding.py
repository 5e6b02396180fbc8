"""Ways to read one arm beside each other, and what more samples buy."""

from __future__ import annotations

from collections.abc import Sequence

from fliptrace.study.evidence.differences import Pair, compare_family
from fliptrace.study.evidence.measured import Evidence, Measured, Table, average, estimate, estimate_left_out
from fliptrace.study.evidence.values import CurvePoint, DecodingRow, DecodingTable, Difference, KCurve


def decoding_tables(evidence: Evidence) -> tuple[DecodingTable, ...]:
    """A table for every arm and test set."""
    return tuple(
        _table(evidence, table, [m for m in members if m.where.arm == arm])
        for table in evidence.tables
        for members in [evidence.of_table(table)]
        for arm in dict.fromkeys(m.where.arm for m in members)
    )


def _table(evidence: Evidence, table: Table, readings: Sequence[Measured]) -> DecodingTable:
    greedy = {m.any_seed["ask"]: m for m in reversed(readings) if _is_plain_greedy(m)}
    pairs = {
        m.where.reading: Pair(greedy[ask], m)
        for m in readings
        for ask in [m.any_seed["ask"]]
        if ask in greedy and greedy[ask] is not m
    }
    gains = compare_family(pairs, evidence.settings)
    return DecodingTable(
        base=table.base,
        track=table.track,
        test=table.test,
        arm=readings[0].where.arm,
        rows=tuple(_row(m, gains.get(m.where.reading), evidence) for m in readings),
        k_curves=tuple(_k_curve(m, evidence) for m in readings if m.any_seed["k_curve"]),
    )


def _is_plain_greedy(measured: Measured) -> bool:
    return measured.any_seed["decode"] == "greedy" and not measured.any_seed["judge"]


def _row(measured: Measured, from_greedy: Difference | None, evidence: Evidence) -> DecodingRow:
    figures = list(measured.by_seed.values())
    return DecodingRow(
        reading=measured.where.reading,
        ask=figures[0]["ask"],
        decode=figures[0]["decode"],
        num_samples=figures[0]["num_samples"],
        judge=figures[0]["judge"],
        f1=estimate(measured.by_seed, evidence.settings),
        left_out=estimate_left_out(measured, evidence.settings),
        from_greedy=from_greedy,
        agreement=average(row["agreement"] for row in figures),
        share_unparsed=sum(row["num_unparsed"] for row in figures) / max(sum(row["num_answers"] for row in figures), 1),
    )


def _k_curve(measured: Measured, evidence: Evidence) -> KCurve:
    points: dict[int, dict[int, dict[str, object]]] = {}
    for seed, figures in measured.by_seed.items():
        for point in figures["k_curve"]:
            points.setdefault(point["k"], {})[seed] = point
    return KCurve(
        reading=measured.where.reading,
        ask=measured.any_seed["ask"],
        points=tuple(CurvePoint(k, estimate(by_seed, evidence.settings)) for k, by_seed in sorted(points.items())),
    )
