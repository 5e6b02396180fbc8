"""Boosted trees and word counts, fitted on the training data of a recipe and scored on its sets.

Their figures are kept on disk, because word counts take minutes to fit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fliptrace.core.files import Json, hash_json, read_json, write_json
from fliptrace.models.classical.boosted_trees import fit_trigger_trees
from fliptrace.scoring.thresholds import choose_threshold
from fliptrace.study.baselines import predict_by_support
from fliptrace.training.data import TrainingData
from fliptrace.training.encoder.recipe import EncoderRecipe
from fliptrace.training.measured_sets import MeasuredSets
from tools.measuring.figures import emotion_figures, trigger_figures
from tools.measuring.word_baselines import fit_words, label_by_words


@dataclass(frozen=True, slots=True)
class Baselines:
    """The baselines of a recipe; `kept` is the folder of their figures."""

    recipe: EncoderRecipe
    data: TrainingData
    sets: MeasuredSets
    kept: Path

    def trees(self) -> Json:
        """Score boosted trees on every set of cases. They choose among the candidates that the model has."""
        return self._keep("trees", self._by_trees)

    def words(self) -> Json:
        """Score word counts on every set of dialogues, fitted on its own corpus and on all, with every class weight.

        All combinations are reported, so that none is chosen.
        """
        return self._keep("words", self._by_words)

    def _by_trees(self) -> Json:
        trees = fit_trigger_trees(self.data.train, window=self.recipe.layers.window)
        predicted = {cases.name: predict_by_support(trees, cases.cases) for cases in self.sets.cases}
        on_val = [row for cases in self.sets.val for row in predicted[cases.name]]
        threshold = max(0.0001, round(choose_threshold(on_val, "val").threshold, 4))
        return {name: trigger_figures(rows, threshold) for name, rows in predicted.items()}

    def _by_words(self) -> Json:
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

    def _keep(self, name: str, make: Callable[[], Json]) -> Json:
        """Return the figures that are kept for the same data and sets; make them if there are none."""
        sets = [cases.sha256 for cases in self.sets.cases] + [each.sha256 for each in self.sets.emotions]
        made_of = hash_json([self.data.manifest, self.recipe.to_json(), sets])
        path = self.kept / f"{name}-{made_of[:12]}.json"
        if not path.exists():
            write_json(path, make())
        found: Json = read_json(path)
        return found
