"""Reliability of answers, support, judgements and rationales, beyond how many triggers are right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from fliptrace.core.files import Json
from fliptrace.study.evidence.measured import Evidence, Measured, average, mean_of
from fliptrace.study.evidence.values import (
    AnomalyRow,
    Calibration,
    CalibrationBin,
    JudgingRow,
    RationaleRow,
    RiskCoverage,
)


def anomaly_rows(evidence: Evidence) -> tuple[AnomalyRow, ...]:
    """One row per evaluation of a language model. Rules and classifiers cannot name utterances that do not exist."""
    return tuple(_anomaly_row(m) for m in evidence.models)


def calibrations(evidence: Evidence) -> tuple[Calibration, ...]:
    return tuple(_calibration(m, found) for m in evidence.measured if (found := _by_seed(m, "calibration")))


def risk_coverages(evidence: Evidence) -> tuple[RiskCoverage, ...]:
    return tuple(_risk_coverage(m, found) for m in evidence.measured if (found := _by_seed(m, "risk_coverage")))


def judging_rows(evidence: Evidence) -> tuple[JudgingRow, ...]:
    return tuple(_judging_row(m, found) for m in evidence.models if (found := _by_seed(m, "self_evaluation")))


def rationale_rows(evidence: Evidence) -> tuple[RationaleRow, ...]:
    return tuple(_rationale_row(m, found) for m in evidence.models if (found := _by_seed(m, "rationales")))


def _by_seed(measured: Measured, name: str) -> Mapping[int, Json]:
    """The values of the metric `name`, for the seeds that have it."""
    return {seed: metrics[name] for seed, metrics in measured.by_seed.items() if metrics[name] is not None}


def _anomaly_row(measured: Measured) -> AnomalyRow:
    metrics = list(measured.by_seed.values())
    raw: Counter[str] = Counter()
    prevented: Counter[str] = Counter()
    for row in metrics:
        raw.update(row["anomalies"])
        prevented.update(row["prevented"])
    return AnomalyRow(
        where=measured.where,
        decode=metrics[0]["decode"],
        num_seeds=len(metrics),
        num_answers=sum(row["num_answers"] for row in metrics),
        num_unparsed=sum(row["num_unparsed"] for row in metrics),
        raw=dict(sorted(raw.items())),
        prevented=dict(sorted(prevented.items())),
        num_cut_cases=sum(row["num_cut_cases"] for row in metrics),
    )


def _calibration(measured: Measured, by_seed: Mapping[int, Json]) -> Calibration:
    by_place: dict[tuple[float, float], list[Json]] = {}
    for seed in by_seed.values():
        for each in seed["bins"]:
            by_place.setdefault((each["low"], each["high"]), []).append(each)
    return Calibration(
        where=measured.where,
        decode=measured.any_seed["decode"],
        bins=tuple(_pool(*place, bins) for place, bins in sorted(by_place.items()) if sum(b["num"] for b in bins)),
        ece=mean_of(seed["ece"] for seed in by_seed.values()),
        brier=mean_of(seed["brier"] for seed in by_seed.values()),
    )


def _pool(low: float, high: float, bins: list[Json]) -> CalibrationBin:
    """Pool the utterances of all seeds in one bin."""
    filled = [each for each in bins if each["num"]]
    sizes = [each["num"] for each in filled]
    return CalibrationBin(
        low=low,
        high=high,
        num=sum(sizes),
        mean_support=float(np.average([each["mean_support"] for each in filled], weights=sizes)),
        share_triggers=float(np.average([each["share_triggers"] for each in filled], weights=sizes)),
    )


def _risk_coverage(measured: Measured, by_seed: Mapping[int, Json]) -> RiskCoverage:
    curves = list(by_seed.values())
    return RiskCoverage(
        where=measured.where,
        decode=measured.any_seed["decode"],
        coverage=tuple(curves[0]["coverage"]),
        f1=tuple(np.mean([curve["f1"] for curve in curves], axis=0).tolist()),
        aurc=mean_of(curve["aurc"] for curve in curves),
    )


def _judging_row(measured: Measured, by_seed: Mapping[int, Json]) -> JudgingRow:
    rows = list(by_seed.values())
    total = _totals(rows)
    return JudgingRow(
        where=measured.where,
        num_seeds=len(rows),
        num_drafts=total["num_drafts"],
        num_right_before=total["num_right_before"],
        num_right_after=total["num_right_after"],
        wrong_to_right=total["wrong_to_right"],
        right_to_wrong=total["right_to_wrong"],
        num_without_verdict=total["num_without_verdict"],
        balanced_accuracy=average(row["verdict_balanced_accuracy"] for row in rows),
    )


def _rationale_row(measured: Measured, by_seed: Mapping[int, Json]) -> RationaleRow:
    total = _totals(list(by_seed.values()))
    return RationaleRow(
        where=measured.where,
        num_seeds=len(by_seed),
        num_rationales=total["num_rationales"],
        num_observations=total["num_observations"],
        num_false_observations=total["num_false_observations"],
        share_false=total["num_false_observations"] / max(total["num_observations"], 1),
        num_self_contradictions=total["num_self_contradictions"],
    )


def _totals(rows: list[Json]) -> dict[str, int]:
    """Sum all counts over the seeds."""
    return {name: sum(row[name] for row in rows) for name, value in rows[0].items() if isinstance(value, int)}
