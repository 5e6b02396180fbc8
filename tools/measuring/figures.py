"""Figures of a finished model and of baselines, as JSON for a model card.

It scores predictions and makes none. Every F1 has its 95% interval (scoring/intervals.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from fliptrace.core.files import Json
from fliptrace.predictions.rows import EmotionPrediction, Prediction
from fliptrace.predictions.unified_rows import UnifiedPrediction
from fliptrace.scoring.calibration import calibrate
from fliptrace.scoring.intervals import Settings, f1_interval
from fliptrace.scoring.scores import score_emotion_file, score_trigger_file
from fliptrace.scoring.thresholds import at_threshold, leave_one_group_out
from fliptrace.scoring.triggers import score_triggers
from fliptrace.scoring.unified_scores import score_unified_file

SETTINGS = Settings()
_TRIGGER_FIGURES = ("trigger_f1", "interval", "trigger_precision", "trigger_recall", "exact_match")
EMOTION_FIGURES = ("weighted_f1", "interval", "macro_f1", "accuracy")


def trigger_figures(predictions: Sequence[Prediction], threshold: float) -> Json:
    """Score one model on one set: at the threshold, and "left out", each group at the threshold best on all others."""
    return _trigger_figures([at_threshold(p, threshold) for p in predictions]) | {
        "threshold": threshold,
        "left_out": _trigger_figures(leave_one_group_out(predictions)),
        "calibration_error": calibration_error(predictions),
    }


def rule_figures(predictions: Sequence[Prediction]) -> Json:
    """Score the rules on the same cases, and count the cases."""
    scores = score_trigger_file(predictions, SETTINGS, "predictions").to_json()
    counts = {name: scores[name] for name in ("num_flips", "num_utterances", "num_groups")}
    return counts | {"rules": scores["baselines"]}


def predicted_figures(predictions: Sequence[Prediction]) -> Json:
    """Score triggers found with predicted emotions, at the threshold of the predictions, and the rules beside them."""
    scores = score_trigger_file(predictions, SETTINGS, "predictions").to_json()
    return {name: scores[name] for name in (*_TRIGGER_FIGURES, "num_flips", "baselines")}


def emotion_figures(predictions: Sequence[EmotionPrediction]) -> Json:
    """Score emotions: the main figures of `score --json`."""
    scores = emotion_scores(predictions)
    return {name: scores[name] for name in EMOTION_FIGURES}


def emotion_scores(predictions: Sequence[EmotionPrediction]) -> Json:
    """Score emotions: all figures of `score --json`."""
    return score_emotion_file(predictions, SETTINGS, "predictions").to_json()


def unified_figures(predictions: Sequence[UnifiedPrediction]) -> Json:
    """Score the path from bare text to triggers end to end."""
    scores = score_unified_file(predictions, SETTINGS, "predictions").to_json()
    return {name: value for name, value in scores.items() if name not in ("task", "experiment", "settings")}


def _trigger_figures(predictions: Sequence[Prediction]) -> Json:
    scores = score_triggers(predictions)
    interval = f1_interval(scores.cases, *SETTINGS)
    return {
        "trigger_f1": round(scores.f1, 6),
        "interval": None if interval is None else interval.to_json(),
        "trigger_precision": round(scores.precision, 6),
        "trigger_recall": round(scores.recall, 6),
        "exact_match": round(scores.exact_match, 6),
    }


def calibration_error(predictions: Sequence[Prediction]) -> float | None:
    """Return the expected calibration error of support (scoring/calibration.py); None without any support."""
    calibration = calibrate(predictions)
    return None if calibration is None else round(calibration.ece, 6)
