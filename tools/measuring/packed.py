"""Predictions of a packed model, cached on disk for the same weights, data and settings."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fliptrace.core.files import Json, hash_json
from fliptrace.corpora.sample import load_sample, load_sample_dialogues
from fliptrace.inference.config import InferenceConfig, resolve_config
from fliptrace.inference.seams import EmotionLabeler, TriggerDecoder, best_decoding, choose_decoder, choose_labeler
from fliptrace.inference.task_files import predict_emotions_file, predict_unified_file, relabel_cases
from fliptrace.inference.triggers import name_triggers, predict_file
from fliptrace.models.open_model import OpenModel
from fliptrace.predictions.rows import EmotionPrediction, Prediction, read_manifest, read_predictions
from fliptrace.predictions.unified_rows import UnifiedPrediction
from fliptrace.training.measured_sets import CaseSet, DialogueSet

Progress = Callable[[str, int, int], None]  # what is predicted, number done, total
_NUM_SAMPLE_CASES, _NUM_SAMPLE_DIALOGUES = 12, 3
_OnProgress = Callable[[int], None]
_Predict = Callable[[Path, Json, _OnProgress], list[Any]]


@dataclass(frozen=True, slots=True)
class PackedModel:
    """A model with the settings that it ships with; `kept` is the folder of its cached predictions."""

    name: str
    opened: OpenModel
    kept: Path
    on_progress: Progress

    def config(self, threshold: float = 0.5) -> InferenceConfig:
        return resolve_config(self.opened.defaults, best_decoding(self.opened.model), ask="answer", threshold=threshold)

    def triggers(self, cases: CaseSet) -> list[Prediction]:
        """Predict triggers with gold emotions; callers use the support, so the threshold does not matter."""
        config = self.config()

        def predict(path: Path, data: Json, on_progress: _OnProgress) -> list[Prediction]:
            return predict_file(self._decoder(config), cases.cases, path, data, on_progress).predictions

        return self._keep(f"triggers {cases.name}", len(cases.cases), config, cases.sha256, predict)

    def triggers_under_predicted(self, cases: CaseSet, threshold: float) -> list[Prediction]:
        """Predict triggers of the gold flips with the model's own emotions."""
        config = replace(self.config(threshold), emotions_from="predicted")

        def predict(path: Path, data: Json, on_progress: _OnProgress) -> list[Prediction]:
            relabelled = relabel_cases(self._labeler(config), cases.cases)
            return predict_file(self._decoder(config), relabelled.cases, path, data, on_progress).predictions

        return self._keep(f"triggers under predicted {cases.name}", len(cases.cases), config, cases.sha256, predict)

    def emotions(self, dialogues: DialogueSet) -> list[EmotionPrediction]:
        config, prefixes = self.config(), dialogues.prefixes

        def predict(path: Path, data: Json, on_progress: _OnProgress) -> list[EmotionPrediction]:
            return predict_emotions_file(self._labeler(config), prefixes, config, path, data, on_progress).rows

        return self._keep(f"emotions {dialogues.name}", len(prefixes), config, dialogues.sha256, predict)

    def unified(self, cases: CaseSet, threshold: float) -> list[UnifiedPrediction]:
        """Predict emotions, flips and triggers from the bare text of the dialogues of the cases."""
        config, prefixes = self.config(threshold), cases.prefixes

        def predict(path: Path, data: Json, on_progress: _OnProgress) -> list[UnifiedPrediction]:
            labeler, decoder = self._labeler(config), self._decoder(config)
            return predict_unified_file(labeler, decoder, prefixes, path, data, on_progress).rows

        return self._keep(f"unified {cases.name}", len(prefixes), config, cases.sha256, predict)

    def _decoder(self, config: InferenceConfig) -> TriggerDecoder:
        return choose_decoder(self.opened.model, config)

    def _labeler(self, config: InferenceConfig) -> EmotionLabeler:
        return choose_labeler(self.opened.model, config)

    def _keep(self, what: str, total: int, config: InferenceConfig, sha256: str, predict: _Predict) -> list[Any]:
        """Return the cached rows of that name; predict them if there are none or they were made of something else."""
        path = self.kept / f"{re.sub(r'[^a-z0-9]+', '-', what.lower())}.jsonl"
        data = {"set": what, "sha256": sha256, "weights_sha256": self.opened.weights_sha256}
        expected = {"inference": config.to_json(), "data": data}
        manifest = read_manifest(path) if path.exists() else {}
        if hash_json({key: manifest.get(key) for key in expected}) == hash_json(expected):
            return list(read_predictions(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        return predict(path, data, lambda num_done: self.on_progress(f"{self.name}: {what}", num_done, total))


def decide_sample(opened: OpenModel) -> Json:
    """Return the model's decisions on a few cases of the sample corpus, for a test that it has not changed."""
    config = resolve_config(opened.defaults, best_decoding(opened.model))
    cases = load_sample("test")[:_NUM_SAMPLE_CASES]
    dialogues = load_sample_dialogues("test")[:_NUM_SAMPLE_DIALOGUES]
    labelled = choose_labeler(opened.model, config).label(dialogues)
    return {
        "weights_sha256": opened.weights_sha256,
        "triggers": {
            p.id: {"triggers": sorted(p.vote.triggers), "support": [round(share, 3) for share in p.vote.support]}
            for p in name_triggers(choose_decoder(opened.model, config), cases)
        },
        "emotions": {d.id: list(labels.emotions) for d, labels in zip(dialogues, labelled, strict=True)},
    }
