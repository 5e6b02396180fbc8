"""Score an evaluation of a stage on val, in the format of a run's scores.json."""

from __future__ import annotations

from collections.abc import Sequence

from fliptrace.core.files import Json
from fliptrace.core.flips import FlipCase
from fliptrace.inference.config import InferenceConfig
from fliptrace.predictions.rows import Prediction
from fliptrace.scoring.intervals import Settings
from fliptrace.scoring.rationales import score_rationales
from fliptrace.scoring.scores import score_trigger_file
from fliptrace.scoring.self_evaluation import score_self_evaluation
from fliptrace.scoring.thresholds import choose_threshold


def score_evaluation(
    predictions: Sequence[Prediction], cases: Sequence[FlipCase], config: InferenceConfig, seed: int
) -> Json:
    """The `score --json` object of predictions for these cases.

    Where it applies, also the chosen threshold, scores of self-evaluation, and scores of rationales.
    """
    scores = score_trigger_file(predictions, Settings(seed=seed), "val").to_json()
    if config.decoding.kind == "exact" or any(prediction.vote.num_samples > 1 for prediction in predictions):
        scores["chosen_threshold"] = choose_threshold(predictions, "val")._asdict()
    judged = score_self_evaluation(predictions)
    if judged is not None:
        scores["self_evaluation"] = judged.to_json()
    if config.ask == "chain":
        scores["rationales"] = score_rationales(predictions, cases, config.layout)._asdict()
    scores["num_cut_cases"] = sum(prediction.num_dropped > 0 for prediction in predictions)
    return scores
