"""Packs the finished seeds of a recipe into one small model without torch, and measures the figures of its card.

Steps: export -> threshold on val -> triggers, emotions and the unified task, by the ensemble and by each seed
-> baselines -> figures. Finished steps are kept in a work folder and not repeated.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

from fliptrace.core.errors import RunError
from fliptrace.core.files import Json, hash_json, new_folder, read_json, versions, write_json, write_text
from fliptrace.corpora.leaks import LeakReport
from fliptrace.inference.emotions import ScoringLabeler
from fliptrace.models.checkpoints import InferenceDefaults
from fliptrace.models.classical.boosted_trees import fit_trigger_trees
from fliptrace.models.embedded import is_embedded, load_embedded
from fliptrace.predictions.rows import Prediction
from fliptrace.scoring.thresholds import choose_threshold
from fliptrace.study.baselines import predict_by_support
from fliptrace.training.data import TrainingData
from fliptrace.training.emotion_weights import EmotionWeights, choose_emotion_weights, label_shares
from fliptrace.training.export import export_onnx
from fliptrace.training.measured_sets import CaseSet, DialogueSet, MeasuredSets
from fliptrace.training.recipe import Recipe
from tools.mini.measure import (
    SETTINGS,
    emotion_figures,
    emotion_scores,
    predicted_figures,
    rule_figures,
    spread,
    trigger_figures,
    unified_figures,
)
from tools.mini.packed import PackedModel, Progress
from tools.mini.seeds import Seed
from tools.mini.word_baselines import fit_words, label_by_words

MAX_BYTES = 12_000_000  # limit for all files together, to keep the wheel small


@dataclass(frozen=True)
class Packing:
    """One run of the steps above; `work` is the folder that keeps graphs and predictions."""

    recipe: Recipe
    seeds: tuple[Seed, ...]
    data: TrainingData
    sets: MeasuredSets
    work: Path
    on_phase: Callable[[str], None]
    on_progress: Progress

    @cached_property
    def folder(self) -> Path:
        """The folder of the exported ensemble, with the threshold that it ships with."""
        folder = self._export(self.seeds)
        defaults = InferenceDefaults.read(folder)
        assert defaults is not None
        replace(
            defaults,
            thresholds={"exact": self.threshold},
            emotion_weights=self.emotion_weights.weights,
            same_label_odds=self.same_label_odds,
        ).write(folder)
        return folder

    @cached_property
    def whole(self) -> PackedModel:
        weights = self.emotion_weights.weights
        return PackedModel.open("whole", self._export(self.seeds), self.work, self.on_progress, weights)

    @cached_property
    def emotion_weights(self) -> EmotionWeights:
        """The weights chosen for the ensemble and also used for each seed; none if no stage teaches emotions."""
        folder, shares = self._export(self.seeds), label_shares(self.recipe, self.data.emotions)
        if not shares or not self.sets.emotions:
            return EmotionWeights(0.0, {}, {})
        dialogues = [emotions.dialogues for emotions in self.sets.emotions]
        labeler = ScoringLabeler("whole", load_embedded(folder), self.recipe.layout)
        return choose_emotion_weights(labeler, dialogues, shares)

    @cached_property
    def members(self) -> Mapping[str, PackedModel]:
        """Each seed alone, exported in the same way, by name."""
        return {
            seed.name: PackedModel.open(
                seed.name, self._export([seed]), self.work, self.on_progress, self.emotion_weights.weights
            )
            for seed in self.seeds
        }

    @cached_property
    def same_label_odds(self) -> float:
        """The factor fitted on the emotion sets; 1 if no stage teaches emotions."""
        return self.whole.fit_same_label_odds(self.sets.emotions) if self.emotion_weights.weights else 1.0

    @cached_property
    def threshold(self) -> float:
        return _threshold_on_val(self.whole, self.sets)

    def figures(self) -> Json:
        """Measure everything; the result also holds the recipe, data and versions it was measured with."""
        self.on_phase(f"export of {len(self.seeds)} seeds as one model, threshold on val")
        folder = self.folder
        self.on_phase("triggers and emotions, of the model and of each seed")
        triggers = {cases.name: self._triggers(cases) for cases in self.sets.cases}
        emotions = {dialogues.name: self._emotions(dialogues) for dialogues in self.sets.emotions}
        self.on_phase("boosted trees and word counts on the same training data")
        baselines = self._baselines()
        return {
            "recipe": self.recipe.to_json(),
            "recipe_sha256": self.recipe.digest,
            "seeds": [seed.to_json() for seed in self.seeds],
            "num_parameters": _num_parameters(self.seeds[0].checkpoint),
            "data": self.data.manifest,
            "threshold": self.threshold,
            "threshold_chosen_on": [cases.name for cases in self.sets.val],
            "emotion_weights": self.emotion_weights._asdict(),
            "same_label_odds": self.same_label_odds,
            "export": read_json(_note(folder)),
            "triggers": {name: row | {"trees": baselines["triggers"][name]} for name, row in triggers.items()},
            "emotions": {name: row | {"word_counts": baselines["emotions"][name]} for name, row in emotions.items()},
            "settings": SETTINGS._asdict(),
            "versions": versions("torch", "transformers", "onnxruntime", "scikit-learn", "numpy"),
        }

    def _export(self, seeds: Sequence[Seed]) -> Path:
        """Export these seeds in 16 bits and return the folder; skipped if these weights were exported before."""
        key = hash_json([seed.weights_sha256 for seed in seeds])[:12]
        folder = self.work / f"{'-'.join(seed.name for seed in seeds)}-{key}"
        if not is_embedded(folder) or not _note(folder).exists():
            self.on_progress(f"export {folder.name}", 0, 1)
            done = export_onnx([seed.checkpoint for seed in seeds], folder, half=True)
            write_json(
                _note(folder), {"half": True, "num_choices": done.num_choices, "max_difference": done.max_difference}
            )
            self.on_progress(f"export {folder.name}", 1, 1)
        return folder

    def _triggers(self, cases: CaseSet) -> Json:
        predictions = self.whole.triggers(cases)
        seeds = []
        for name, model in self.members.items():
            own = trigger_figures(model.triggers(cases), _threshold_on_val(model, self.sets))
            seeds.append(own | {"name": name, "left_out_f1": own["left_out"]["trigger_f1"]})
        return rule_figures(predictions) | {
            "shared_with_training_cases": _leaks(cases.leaks),
            "shared_with_all_training": _leaks(cases.emotion_leaks),
            "model": trigger_figures(predictions, self.threshold),
            "predicted_emotions": predicted_figures(self.whole.triggers_under_predicted(cases, self.threshold)),
            "end_to_end": unified_figures(self.whole.unified(cases, self.threshold)),
            "seeds": seeds,
            "spread": spread(seeds, ("trigger_f1", "left_out_f1")),
        }

    def _emotions(self, dialogues: DialogueSet) -> Json:
        scores = emotion_scores(self.whole.emotions(dialogues))
        seeds = [emotion_figures(model.emotions(dialogues)) | {"name": name} for name, model in self.members.items()]
        counts = {name: scores[name] for name in ("num_dialogues", "num_utterances", "num_groups")}
        return counts | {
            "shared_with_all_training": _leaks(dialogues.leaks),
            "model": emotion_figures(self.whole.emotions(dialogues)),
            "by_label": scores["by_label"],
            "seeds": seeds,
            "spread": spread(seeds, ("weighted_f1", "macro_f1")),
        }

    def _baselines(self) -> Json:
        """Return the figures of the baselines by set; cached, since word counts take minutes to fit."""
        made_of = hash_json([self.data.manifest, self.recipe.to_json(), [s.sha256 for s in self._all_sets()]])
        path = self.work / f"baselines-{made_of[:12]}.json"
        if not path.exists():
            write_json(path, {"triggers": self._by_trees(), "emotions": self._by_words()})
        found: Json = read_json(path)
        return found

    def _by_trees(self) -> Json:
        trees = fit_trigger_trees(self.data.train, window=self.recipe.prompt.window)
        named = {cases.name: predict_by_support(trees, cases.cases) for cases in self.sets.cases}
        threshold = _choose([row for cases in self.sets.val for row in named[cases.name]])
        return {name: trigger_figures(predictions, threshold) for name, predictions in named.items()}

    def _by_words(self) -> Json:
        """Score word counts on each set, fitted on its own corpus and on all, with every class weight.

        All combinations are reported, so that none is chosen.
        """
        fitted = fit_words(self.data, [dialogues.name for dialogues in self.sets.emotions])
        return {
            dialogues.name: [
                {"fitted_on": words.fitted_on, "class_weight": words.class_weight}
                | emotion_figures(label_by_words(words.model, dialogues.prefixes))
                for words in fitted
                if words.fits(dialogues.name)
            ]
            for dialogues in self.sets.emotions
        }

    def _all_sets(self) -> Sequence[CaseSet | DialogueSet]:
        return (*self.sets.cases, *self.sets.emotions)


def install(folder: Path, target: Path, texts: Mapping[str, str]) -> int:
    """Write a packed folder and `texts` to `target`, all or nothing, and return their size in bytes.

    Raises RunError if they exceed MAX_BYTES.
    """
    num_bytes = sum(path.stat().st_size for path in folder.iterdir()) + sum(len(t.encode()) for t in texts.values())
    if num_bytes > MAX_BYTES:
        raise RunError(target, f"{num_bytes:,} bytes in all; expected at most {MAX_BYTES:,}")
    with new_folder(target) as neighbour:
        for path in sorted(folder.iterdir()):
            (neighbour / path.name).write_bytes(path.read_bytes())
        for name, text in texts.items():
            write_text(neighbour / name, text)
    return num_bytes


def describe_files(folder: Path, texts: Mapping[str, str]) -> list[Json]:
    """Return name, size and sha256 of every file that `install` writes, sorted by name."""
    contents = {path.name: path.read_bytes() for path in folder.iterdir()}
    contents |= {name: text.encode() for name, text in texts.items()}
    return [
        {"name": name, "num_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in sorted(contents.items())
    ]


def _threshold_on_val(model: PackedModel, sets: MeasuredSets) -> float:
    return _choose([row for cases in sets.val for row in model.triggers(cases)])


def _choose(predictions: Sequence[Prediction]) -> float:
    """Choose one threshold for all of val, rounded to the digits that ship and are measured."""
    return max(0.0001, round(choose_threshold(predictions, "val").threshold, 4))


def _leaks(report: LeakReport) -> Json:
    return asdict(report) | {"told": str(report)}


def _note(folder: Path) -> Path:
    """Return the path of the notes on an export, beside its folder, which may hold nothing else."""
    return folder.with_name(f"{folder.name}.json")


def _num_parameters(checkpoint: Path) -> int:
    from safetensors import safe_open

    count = 0
    for path in sorted(checkpoint.glob("*.safetensors")):
        with safe_open(path, "numpy") as weights:
            count += sum(math.prod(weights.get_slice(name).get_shape()) for name in weights.keys())  # noqa: SIM118
    return count
