"""Predictions of a packed model, kept on disk: those there already for the same weights and data are not made again."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from fliptrace.core.files import Json, hash_json
from fliptrace.corpora.sample import load_sample, load_sample_dialogues
from fliptrace.inference.emotions import check_reads_text, label_emotions
from fliptrace.inference.task_files import predict_emotions_file, predict_unified_file, relabel_cases
from fliptrace.inference.triggers import InferenceConfig, name_triggers, predict_file, resolve_config
from fliptrace.models.base import Decoding
from fliptrace.models.checkpoints import InferenceDefaults
from fliptrace.models.embedded import hash_weights, load_embedded
from fliptrace.models.open_model import OpenModel
from fliptrace.predictions.rows import EmotionPrediction, Prediction, read_manifest, read_predictions
from fliptrace.predictions.unified_rows import UnifiedPrediction
from fliptrace.training.measured_sets import CaseSet, DialogueSet

Progress = Callable[[str, int, int], None]  # what is predicted, done, of how many
_NUM_SAMPLE_CASES, _NUM_SAMPLE_DIALOGUES = 12, 3
_Told = Callable[[int], None]
_Predict = Callable[[Path, Json, _Told], list[Any]]


@dataclass(frozen=True, slots=True)
class PackedModel:
    """An exported folder, ready to predict; `kept` is where its predictions lie."""

    name: str
    opened: OpenModel
    kept: Path
    on_progress: Progress
    emotion_weights: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def open(
        cls, name: str, folder: Path, work: Path, on_progress: Progress, emotion_weights: Mapping[str, float]
    ) -> PackedModel:
        """Predictions go to a folder in `work` that is named after the weights."""
        weights = hash_weights(folder)
        opened = OpenModel(
            load_embedded(folder, name), name, InferenceDefaults.read(folder) or InferenceDefaults(), weights
        )
        return cls(name, opened, work / f"{name}-{weights[:12]}", on_progress, emotion_weights)

    def config(self, threshold: float = 0.5) -> InferenceConfig:
        config = resolve_config(self.opened.defaults, Decoding("exact"), ask="answer", threshold=threshold)
        return replace(config, emotion_weights=self.emotion_weights)

    def triggers(self, cases: CaseSet) -> list[Prediction]:
        """Under gold emotions; support is what counts, whatever the threshold."""
        config = self.config()

        def predict(path: Path, data: Json, told: _Told) -> list[Prediction]:
            return predict_file(self.opened.model, cases.cases, config, path, data, told).predictions

        return self._keep(f"triggers {cases.name}", len(cases.cases), config, cases.sha256, predict)

    def triggers_under_predicted(self, cases: CaseSet, threshold: float) -> list[Prediction]:
        """Under the model's own emotions, the flips being those of the labels."""
        config = replace(self.config(threshold), emotions_from="predicted")

        def predict(path: Path, data: Json, told: _Told) -> list[Prediction]:
            relabelled = relabel_cases(self.opened.model, cases.cases, config)
            return predict_file(self.opened.model, relabelled.cases, config, path, data, told).predictions

        return self._keep(f"triggers under predicted {cases.name}", len(cases.cases), config, cases.sha256, predict)

    def emotions(self, dialogues: DialogueSet) -> list[EmotionPrediction]:
        config, prefixes = self.config(), dialogues.prefixes

        def predict(path: Path, data: Json, told: _Told) -> list[EmotionPrediction]:
            return predict_emotions_file(self.opened.model, prefixes, config, path, data, told).rows

        return self._keep(f"emotions {dialogues.name}", len(prefixes), config, dialogues.sha256, predict)

    def unified(self, cases: CaseSet, threshold: float) -> list[UnifiedPrediction]:
        """Emotions, flips and triggers from the bare text of the dialogues that the cases are taken from."""
        config, prefixes = self.config(threshold), cases.prefixes

        def predict(path: Path, data: Json, told: _Told) -> list[UnifiedPrediction]:
            return predict_unified_file(self.opened.model, prefixes, config, path, data, told).rows

        return self._keep(f"unified {cases.name}", len(prefixes), config, cases.sha256, predict)

    def _keep(self, what: str, total: int, config: InferenceConfig, sha256: str, predict: _Predict) -> list[Any]:
        """The rows of the file kept under that name, made where it is not there or was made of something else."""
        path = self.kept / f"{re.sub(r'[^a-z0-9]+', '-', what.lower())}.jsonl"
        data = {"set": what, "sha256": sha256, "weights_sha256": self.opened.weights_sha256}
        wanted = {"inference": asdict(config), "data": data}
        manifest = read_manifest(path) if path.exists() else {}
        if hash_json({key: manifest.get(key) for key in wanted}) == hash_json(wanted):
            return list(read_predictions(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        return predict(path, data, lambda num_done: self.on_progress(f"{self.name}: {what}", num_done, total))


def decide_sample(opened: OpenModel) -> Json:
    """What a model decides on a few cases of the sample corpus: enough to tell that it is still the same model."""
    config = resolve_config(opened.defaults, Decoding("exact"))
    cases = load_sample("test")[:_NUM_SAMPLE_CASES]
    dialogues = load_sample_dialogues("test")[:_NUM_SAMPLE_DIALOGUES]
    labelled = label_emotions(check_reads_text(opened.model), dialogues, config.layout, weights=config.emotion_weights)
    return {
        "weights_sha256": opened.weights_sha256,
        "triggers": {
            p.id: {"triggers": sorted(p.vote.triggers), "support": [round(share, 3) for share in p.vote.support]}
            for p in name_triggers(opened.model, cases, config)
        },
        "emotions": {d.id: list(labels.emotions) for d, labels in zip(dialogues, labelled, strict=True)},
    }
