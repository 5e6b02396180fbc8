"""Scores of an exported encoder model on val, in the format of a run's scores.json."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fliptrace.core.files import Json, write_json, write_jsonl
from fliptrace.corpora.longest_prefixes import LongestPrefix
from fliptrace.inference.config import resolve_config
from fliptrace.inference.seams import best_decoding, choose_decoder, choose_labeler
from fliptrace.inference.task_files import emotion_row
from fliptrace.inference.triggers import predict_file
from fliptrace.models.open_model import OpenModel
from fliptrace.scoring.intervals import Settings
from fliptrace.scoring.scores import score_emotion_file, score_trigger_file
from fliptrace.scoring.thresholds import choose_threshold
from fliptrace.training.data import TrainingData
from fliptrace.training.runs import SCORES


def score_on_val(
    opened: OpenModel, data: TrainingData, seed: int, out: Path, on_step: Callable[[str, int, int], None]
) -> Json:
    """Score triggers under labelled emotions, and emotions from bare text. Predictions and scores are kept in `out`."""
    config = resolve_config(opened.defaults, best_decoding(opened.model))
    folder, settings = out / "predictions", Settings(seed=seed)
    num_cases = len(data.val)
    predicted = predict_file(
        choose_decoder(opened.model, config),
        data.val,
        folder / "triggers.jsonl",
        data.manifest | {"weights_sha256": opened.weights_sha256},
        lambda num_done: on_step("val triggers", num_done, num_cases),
    ).predictions
    triggers = score_trigger_file(predicted, settings, "val").to_json()
    scores: Json = {
        "triggers": triggers | {"chosen_threshold": choose_threshold(predicted, "val")._asdict()},
        "emotions": {},
    }
    labeler = choose_labeler(opened.model, config)
    for ref, dialogues in data.emotion_val.items():
        on_step(f"val emotions, {ref}", 0, len(dialogues))
        labelled = zip(dialogues, labeler.label(dialogues), strict=True)
        rows = [emotion_row(LongestPrefix(dialogue), labels) for dialogue, labels in labelled]
        on_step(f"val emotions, {ref}", len(dialogues), len(dialogues))
        path = folder / f"emotions-{Path(ref).stem.replace(':', '-')}.jsonl"
        write_jsonl(path, (row.to_json() for row in rows))
        scores["emotions"][ref] = score_emotion_file(rows, settings, path).to_json()
    write_json(out / SCORES, scores)
    return scores
