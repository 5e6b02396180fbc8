"""Transfer: models trained on one track and tested on another; and what test sets share with the training data."""

from __future__ import annotations

from collections.abc import Iterator

from fliptrace.study.evidence.measured import Evidence, Measured, estimate
from fliptrace.study.evidence.values import LeakRow, TransferCell, TransferMatrix


def transfer_matrices(evidence: Evidence) -> tuple[TransferMatrix, ...]:
    """One matrix for every base and arm in its first evaluation, where anything was tested on another track."""
    firsts: dict[tuple[str, str], list[Measured]] = {}
    evaluations: dict[tuple[str, str], str] = {}
    for m in evidence.models:
        key = (m.where.base, m.where.arm)
        if evaluations.setdefault(key, m.where.evaluation) == m.where.evaluation:
            firsts.setdefault(key, []).append(m)
    return tuple(_matrix(evidence, found) for found in firsts.values() if not all(m.is_own_test for m in found))


def leak_rows(evidence: Evidence) -> tuple[LeakRow, ...]:
    return tuple(_leak_rows(evidence))


def _matrix(evidence: Evidence, found: list[Measured]) -> TransferMatrix:
    where = found[0].where
    rules = {m.where.test: evidence.best_rule(m) for m in found}
    trains = dict.fromkeys(m.where.track for m in found)
    return TransferMatrix(
        base=where.base,
        arm=where.arm,
        evaluation=where.evaluation,
        trains=tuple(trains),
        # Tests in the order of the tracks, so that a track's own test is on the diagonal.
        tests=tuple(dict.fromkeys([*(name for name in trains if name in rules), *rules])),
        cells=tuple(TransferCell(m.where.track, m.where.test, estimate(m.by_seed, evidence.settings)) for m in found),
        rules={test: estimate(rule.by_seed, evidence.settings) for test, rule in rules.items() if rule is not None},
    )


def _leak_rows(evidence: Evidence) -> Iterator[LeakRow]:
    for table in evidence.tables:
        model = evidence.headline(table)
        rule = evidence.best_rule(model)
        yield LeakRow(
            base=table.base,
            track=table.track,
            test=table.test,
            test_title=model.test_title,
            leaks=model.leaks,
            num_flips=model.num_flips,
            rule=rule.where.arm if rule else None,
            rule_f1=estimate(rule.by_seed, evidence.settings) if rule else None,
            arm=model.where.arm,
            evaluation=model.where.evaluation,
            f1=estimate(model.by_seed, evidence.settings),
        )
