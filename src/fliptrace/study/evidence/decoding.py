"""The evaluations of one arm compared with each other, and F1 by number of samples."""

from __future__ import annotations

from collections.abc import Sequence

from fliptrace.study.evidence.differences import Pair, compare_family
from fliptrace.study.evidence.measured import Evidence, Measured, Table, average, estimate, estimate_left_out
from fliptrace.study.evidence.values import CurvePoint, DecodingRow, DecodingTable, Difference, KCurve


def decoding_tables(evidence: Evidence) -> tuple[DecodingTable, ...]:
    """One table for every arm and test set."""
    return tuple(
        _table(evidence, table, [m for m in members if m.where.arm == arm])
        for table in evidence.tables
        for members in [evidence.of_table(table)]
        for arm in dict.fromkeys(m.where.arm for m in members)
    )


def _table(evidence: Evidence, table: Table, evaluations: Sequence[Measured]) -> DecodingTable:
    greedy = {m.any_seed["ask"]: m for m in reversed(evaluations) if _is_plain_greedy(m)}
    pairs = {
        m.where.evaluation: Pair(greedy[ask], m)
        for m in evaluations
        for ask in [m.any_seed["ask"]]
        if ask in greedy and greedy[ask] is not m
    }
    gains = compare_family(pairs, evidence.settings)
    return DecodingTable(
        base=table.base,
        track=table.track,
        test=table.test,
        arm=evaluations[0].where.arm,
        rows=tuple(_row(m, gains.get(m.where.evaluation), evidence) for m in evaluations),
        k_curves=tuple(_k_curve(m, evidence) for m in evaluations if m.any_seed["k_curve"]),
    )


def _is_plain_greedy(measured: Measured) -> bool:
    return measured.any_seed["decode"] == "greedy" and not measured.any_seed["judge"]


def _row(measured: Measured, from_greedy: Difference | None, evidence: Evidence) -> DecodingRow:
    metrics = list(measured.by_seed.values())
    return DecodingRow(
        evaluation=measured.where.evaluation,
        ask=metrics[0]["ask"],
        decode=metrics[0]["decode"],
        num_samples=metrics[0]["num_samples"],
        judge=metrics[0]["judge"],
        f1=estimate(measured.by_seed, evidence.settings),
        left_out=estimate_left_out(measured, evidence.settings),
        from_greedy=from_greedy,
        agreement=average(row["agreement"] for row in metrics),
        share_unparsed=sum(row["num_unparsed"] for row in metrics) / max(sum(row["num_answers"] for row in metrics), 1),
    )


def _k_curve(measured: Measured, evidence: Evidence) -> KCurve:
    points: dict[int, dict[int, dict[str, object]]] = {}
    for seed, metrics in measured.by_seed.items():
        for point in metrics["k_curve"]:
            points.setdefault(point["k"], {})[seed] = point
    return KCurve(
        evaluation=measured.where.evaluation,
        ask=measured.any_seed["ask"],
        points=tuple(CurvePoint(k, estimate(by_seed, evidence.settings)) for k, by_seed in sorted(points.items())),
    )
