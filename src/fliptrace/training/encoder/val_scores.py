"""Scores of an exported encoder model on val, in the terms of `score --json`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fliptrace.core.files import Json, write_json
from fliptrace.inference.config import resolve_config
from fliptrace.inference.seams import best_decoding, choose_decoder, choose_labeler
from fliptrace.inference.triggers import predict_file
from fliptrace.models.open_model import OpenModel
from fliptrace.scoring.intervals import Settings
from fliptrace.scoring.scores import score_trigger_file
from fliptrace.scoring.thresholds import choose_threshold
from fliptrace.training.data import TrainingData
from fliptrace.training.runs import SCORES
from fliptrace.training.val_scores import score_emotions_of_val


def score_on_val(
    opened: OpenModel, data: TrainingData, seed: int, out: Path, on_step: Callable[[str, int, int], None]
) -> Json:
    """Score triggers under labelled emotions, and emotions from bare text. Predictions and scores are kept in `out`."""
    config = resolve_config(opened.defaults, best_decoding(opened.model))
    folder, num_cases = out / "predictions", len(data.val)
    predicted = predict_file(
        choose_decoder(opened.model, config),
        data.val,
        folder / "triggers.jsonl",
        data.manifest | {"weights_sha256": opened.weights_sha256},
        lambda num_done: on_step("val triggers", num_done, num_cases),
    ).predictions
    triggers = score_trigger_file(predicted, Settings(seed=seed), "val").to_json()
    scores: Json = {
        "triggers": triggers | {"chosen_threshold": choose_threshold(predicted, "val")._asdict()},
        "emotions": {},
    }
    labeler = choose_labeler(opened.model, config)
    for ref, dialogues in data.emotion_val.items():
        on_step(f"val emotions, {ref}", 0, len(dialogues))
        scores["emotions"][ref] = score_emotions_of_val(labeler, ref, dialogues, folder, seed)
        on_step(f"val emotions, {ref}", len(dialogues), len(dialogues))
    write_json(out / SCORES, scores)
    return scores
