"""The metrics that a cell keeps of one evaluation of one arm on one test set.

Counts are kept by group, so that intervals and paired tests can be computed without the predictions. Predictions hold
corpus content and are not kept. This module draws no samples and writes no files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fliptrace.core.files import Json
from fliptrace.core.flips import FlipCase
from fliptrace.inference.config import InferenceConfig
from fliptrace.predictions.rows import Prediction
from fliptrace.scoring.breakdown import Slice, break_down, slice_cases
from fliptrace.scoring.calibration import calibrate
from fliptrace.scoring.counts import CaseCounts, Floats, count_case, counts_by_group, labelled
from fliptrace.scoring.rationales import score_rationales
from fliptrace.scoring.risk_coverage import cover
from fliptrace.scoring.self_consistency import agreement, k_curve
from fliptrace.scoring.self_evaluation import score_self_evaluation
from fliptrace.scoring.thresholds import choose_threshold, leave_one_group_out
from fliptrace.scoring.triggers import score_triggers

KS = (1, 3, 5, 7, 9, 15, 21, 31, 41, 61)  # odd, so that no vote ties; the number of samples is added


def evaluation_metrics(
    predictions: Sequence[Prediction],
    cases: Sequence[FlipCase],
    config: InferenceConfig,
    *,
    code_mixing: Mapping[str, str] | None = None,
    cost: Json | None = None,
) -> Json:
    """Compute the metrics of predictions for `cases`, in the same order. Groups are sorted from A to Z.

    `code_mixing` maps every case id to its slice (scoring/code_mixing.py). InputError where cases have no labels. Where
    support is a plain yes or no, as for a rule or a greedy answer, `left_out`, `calibration` and `risk_coverage` are
    null.
    """
    scores = score_triggers(predictions, "study")
    judged = score_self_evaluation(predictions)
    metrics = {
        "ask": config.ask,
        "decode": config.decoding.kind,
        "num_samples": max(prediction.vote.num_samples for prediction in predictions),
        "judge": config.judge,
        "threshold": config.threshold,
        **_by_group(scores.cases),
        "precision": scores.precision,
        "recall": scores.recall,
        "exact_match": scores.exact_match,
        "num_answers": scores.num_answers,
        "num_unparsed": scores.num_unparsed,
        "anomalies": dict(scores.anomalies),
        "prevented": dict(scores.prevented),
        "mean_remaining": scores.mean_remaining,
        "num_cut_cases": sum(prediction.num_dropped > 0 for prediction in predictions),
        **_samples(predictions, config),
        **_support(predictions, config),
        "self_evaluation": None if judged is None else judged.to_json(),
        "rationales": score_rationales(predictions, cases, config.layout)._asdict() if config.ask == "chain" else None,
        "slices": _slices(predictions, code_mixing),
        "cost": cost,
    }
    return {name: _round(value) for name, value in metrics.items()}


def f1_of(metrics: Json) -> float:
    """Trigger F1 from counts by group: those of an evaluation, of its `left_out`, or of a point of its `k_curve`.

    >>> f1_of({"tp": [3, 0], "wrong": [1, 1]})
    0.75
    """
    tp, num_wrong = sum(metrics["tp"]), sum(metrics["wrong"])
    return float(2 * tp / max(2 * tp + num_wrong, 1))


def _samples(predictions: Sequence[Prediction], config: InferenceConfig) -> Json:
    """Metrics of the samples; null where none were drawn."""
    num_samples = min(len(prediction.answers) for prediction in predictions)
    if config.decoding.kind != "sample" or num_samples < 2:
        return {"k_curve": None, "agreement": None}
    ks = [*(k for k in KS if k < num_samples), num_samples]
    curve = k_curve(predictions, ks, config.threshold, place="study")
    return {
        "k_curve": [{"k": point.k, "f1": point.f1, **_to_lists(point.by_group)} for point in curve],
        "agreement": agreement(predictions),
    }


def _support(predictions: Sequence[Prediction], config: InferenceConfig) -> Json:
    """Metrics of the support; null where it is a plain yes or no."""
    if not _is_scored(predictions, config):
        return {"left_out": None, "calibration": None, "risk_coverage": None}
    left_out = [count_case(*row) for row in labelled(leave_one_group_out(predictions, "study"), "study")]
    calibration = calibrate(predictions, "study")
    return {
        # Each group is scored at its own threshold; the threshold reported is the one chosen on all groups.
        "left_out": _by_group(left_out) | {"threshold": choose_threshold(predictions, "study").threshold},
        "calibration": None if calibration is None else calibration.to_json(),
        "risk_coverage": cover(predictions, "study").to_json(),
    }


def _is_scored(predictions: Sequence[Prediction], config: InferenceConfig) -> bool:
    """Whether support is graded: sampling and exact decoding grade it, classifiers do so in any evaluation."""
    shares = (share for prediction in predictions for share in prediction.vote.support)
    return config.decoding.kind != "greedy" or any(0 < share < 1 for share in shares)


def _slices(predictions: Sequence[Prediction], code_mixing: Mapping[str, str] | None) -> Json:
    breakdown = break_down(predictions, "study")
    slices = {
        "flip_type": breakdown.by_flip_type,
        "distance": breakdown.by_distance,
        "speakers": breakdown.by_speakers,
        "length": breakdown.by_length,
    }
    if code_mixing is not None:
        slices["code_mixing"] = slice_cases(labelled(predictions, "study"), lambda p: code_mixing[p.id])
    return {name: {row.name: _counts(row) for row in rows} for name, rows in slices.items()}


def _counts(row: Slice) -> list[int]:
    """tp, fp, fn and the number of flips."""
    return [*row.counts, row.num_flips]


def _by_group(cases: Sequence[CaseCounts]) -> Json:
    return _to_lists(counts_by_group(cases))


def _to_lists(by_group: Floats) -> Json:
    """tp and wrong of each group. Whole numbers are written as integers; means over subsets need not be whole."""
    tp, wrong = ([int(x) if x.is_integer() else x for x in row] for row in by_group.tolist())
    return {"tp": tp, "wrong": wrong}


def _round(value: Any) -> Any:
    """Round every float in a JSON value to 6 digits."""
    if isinstance(value, dict):
        return {name: _round(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_round(inner) for inner in value]
    return round(value, 6) if isinstance(value, float) else value
