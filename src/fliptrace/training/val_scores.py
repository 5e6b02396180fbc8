"""What a reading of a stage scored on val, as it stands in a run's scores.json."""

from __future__ import annotations

from collections.abc import Sequence

from fliptrace.predictions import Prediction
from fliptrace.scoring.scores import Settings, score_trigger_file
from fliptrace.scoring.self_evaluation import score_self_evaluation
from fliptrace.scoring.thresholds import choose_threshold
from fliptrace.store import Json


def score_reading(predictions: Sequence[Prediction], seed: int) -> Json:
    """`score --json` of the predictions, and where there were several samples or a judgement, what came of them."""
    scores = score_trigger_file(predictions, Settings(seed=seed), "val").to_json()
    if any(prediction.vote.num_samples > 1 for prediction in predictions):
        scores["chosen_threshold"] = choose_threshold(predictions, "val")._asdict()
    judged = score_self_evaluation(predictions)
    if judged is not None:
        scores["self_evaluation"] = judged.to_json()
    scores["num_cut_cases"] = sum(prediction.num_dropped > 0 for prediction in predictions)
    return scores
