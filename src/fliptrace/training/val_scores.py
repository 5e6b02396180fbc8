"""Scores on val, in the terms of `score --json`: of an evaluation of a stage, and of emotions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.files import Json, write_jsonl
from fliptrace.core.flips import FlipCase
from fliptrace.corpora.longest_prefixes import LongestPrefix
from fliptrace.inference.config import InferenceConfig
from fliptrace.inference.seams import EmotionLabeler
from fliptrace.inference.task_files import emotion_row
from fliptrace.predictions.rows import Prediction
from fliptrace.scoring.intervals import Settings
from fliptrace.scoring.rationales import score_rationales
from fliptrace.scoring.scores import score_emotion_file, score_trigger_file
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


def score_emotions_of_val(
    labeler: EmotionLabeler, ref: str, dialogues: Sequence[Dialogue], out: Path, seed: int
) -> Json:
    """Label the dialogues of a file from bare text, keep the predictions in the folder `out`, and score them."""
    labelled = zip(dialogues, labeler.label(dialogues), strict=True)
    rows = [emotion_row(LongestPrefix(dialogue), labels) for dialogue, labels in labelled]
    path = out / f"emotions-{Path(ref).stem.replace(':', '-')}.jsonl"
    write_jsonl(path, (row.to_json() for row in rows))
    return score_emotion_file(rows, Settings(seed=seed), path).to_json()
