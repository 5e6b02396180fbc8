"""What one reading of one arm did on one test set, as the figures that a cell keeps.

Counts stand by group, so that intervals and paired tests can be made without the predictions: those hold corpus content
and are not kept. Draws nothing, writes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from fliptrace.core.files import Json
from fliptrace.core.flips import FlipCase
from fliptrace.inference.triggers import InferenceConfig
from fliptrace.predictions.rows import Prediction
from fliptrace.scoring.breakdown import Slice, break_down, slice_cases
from fliptrace.scoring.calibration import calibrate
from fliptrace.scoring.counts import CaseCounts, Floats, count_case, counts_by_group, labelled
from fliptrace.scoring.risk_coverage import cover
from fliptrace.scoring.self_consistency import agreement, k_curve
from fliptrace.scoring.self_evaluation import score_self_evaluation
from fliptrace.scoring.thresholds import choose_threshold, leave_one_group_out
from fliptrace.scoring.triggers import score_triggers
from fliptrace.training.val_scores import score_rationales

KS = (1, 3, 5, 7, 9, 15, 21, 31, 41, 61)  # odd, so that no vote ties; and as many as there are


def evaluation_metrics(
    predictions: Sequence[Prediction],
    cases: Sequence[FlipCase],
    config: InferenceConfig,
    *,
    code_mixing: Mapping[str, str] | None = None,
    cost: Json | None = None,
) -> Json:
    """The figures of the predictions for these cases, in their order; groups stand A to Z. InputError without labels.

    `code_mixing` names the slice of every case id (scoring/code_mixing.py). Where support is a plain yes or no, as of a
    rule or a greedy answer, there is no calibration, no curve and no threshold to choose: null.
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
        "rationales": asdict(score_rationales(predictions, cases, config)) if config.ask == "chain" else None,
        "slices": _slices(predictions, code_mixing),
        "cost": cost,
    }
    return {name: _round(value) for name, value in metrics.items()}


def f1_of(metrics: Json) -> float:
    """Trigger F1 from the counts by group of figures, of their `left_out` or of a point of their `k_curve`.

    >>> f1_of({"tp": [3, 0], "wrong": [1, 1]})
    0.75
    """
    tp, num_wrong = sum(metrics["tp"]), sum(metrics["wrong"])
    return float(2 * tp / max(2 * tp + num_wrong, 1))


def flip_matrix(cases: Sequence[FlipCase]) -> Json:
    """How many flips go from one emotion to another, `neutral->joy`, the most frequent first."""
    counts = Counter(f"{case.flip.before}->{case.flip.after}" for case in cases)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _samples(predictions: Sequence[Prediction], config: InferenceConfig) -> Json:
    """What there is to say of samples: null where none were drawn."""
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
    """What there is to say of support: null where it is a plain yes or no."""
    if not _is_scored(predictions, config):
        return {"left_out": None, "calibration": None, "risk_coverage": None}
    left_out = [count_case(*row) for row in labelled(leave_one_group_out(predictions, "study"), "study")]
    calibration = calibrate(predictions, "study")
    return {
        # Each group has a threshold of its own; the one told is that chosen on all of them.
        "left_out": _by_group(left_out) | {"threshold": choose_threshold(predictions, "study").threshold},
        "calibration": None if calibration is None else calibration.to_json(),
        "risk_coverage": cover(predictions, "study").to_json(),
    }


def _is_scored(predictions: Sequence[Prediction], config: InferenceConfig) -> bool:
    """Samples and exact reading weigh utterances, classifiers do so under any reading."""
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
    """tp and wrong ones of each group, whole numbers without a point: means over subsets are not whole."""
    tp, wrong = ([int(x) if x.is_integer() else x for x in row] for row in by_group.tolist())
    return {"tp": tp, "wrong": wrong}


def _round(value: Any) -> Any:
    """Every float in a JSON value to 6 digits."""
    if isinstance(value, dict):
        return {name: _round(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_round(inner) for inner in value]
    return round(value, 6) if isinstance(value, float) else value
