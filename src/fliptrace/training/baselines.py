"""The classical baselines of a recipe, fitted on the data it trains on: boosted trees on triggers, word counts on
emotions. They see exactly what the model was taught, without what the recipe holds out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fliptrace.core.flips import FlipCase
from fliptrace.core.voting import Vote
from fliptrace.corpora.longest_prefixes import LongestPrefix
from fliptrace.inference.triggers import InferenceConfig
from fliptrace.models.classical.boosted_trees import TriggerTrees, fit_trigger_trees
from fliptrace.models.classical.word_counts import ClassWeight, WordCounts, fit_word_counts
from fliptrace.predictions.rows import EmotionPrediction, Prediction
from fliptrace.training.data import TrainingData
from fliptrace.training.recipe import Recipe

CLASS_WEIGHTS: Mapping[str, ClassWeight] = {"rare emotions weighed up": "balanced", "as they come": None}
UNION = "all emotion files"


class FittedWords(NamedTuple):
    """Word counts, and what they were fitted on: a file, or `UNION`; and how rare emotions were weighed."""

    fitted_on: str
    class_weight: str
    model: WordCounts

    def fits(self, ref: str) -> bool:
        """Whether it is a baseline for that evaluation file: fitted on its corpus, or on all."""
        return self.fitted_on == UNION or corpus_of(self.fitted_on) == corpus_of(ref)


def fit_trees(recipe: Recipe, data: TrainingData) -> TriggerTrees:
    return fit_trigger_trees(data.train, window=recipe.prompt.window)


def name_by_trees(trees: TriggerTrees, cases: Sequence[FlipCase], config: InferenceConfig) -> list[Prediction]:
    """What the trees hold likely, as a prediction a case."""
    return [
        Prediction.of(case, _vote(support, config.threshold), ())
        for case, support in zip(cases, trees.supports(cases), strict=True)
    ]


def fit_words(data: TrainingData, refs: Iterable[str]) -> list[FittedWords]:
    """On the training files of the corpora of these evaluation files, each alone, and on all emotion files together.

    Not together where the files differ in their emotion sets.
    """
    corpora = {corpus_of(ref) for ref in refs}
    trained = {name: list(dialogues) for name, dialogues in data.emotions.items() if corpus_of(name) in corpora}
    union = [dialogue for dialogues in data.emotions.values() for dialogue in dialogues]
    if len({dialogue.emotion_set for dialogue in union}) == 1:
        trained[UNION] = union
    return [
        FittedWords(name, how, fit_word_counts(dialogues, class_weight=weight))
        for name, dialogues in trained.items()
        for how, weight in CLASS_WEIGHTS.items()
    ]


def corpus_of(ref: str) -> str:
    """The corpus of `NAME:SPLIT`; of a path the folder it lies in."""
    name, colon, _ = ref.partition(":")
    return name if colon else str(Path(ref).parent)


def label_by_words(model: WordCounts, prefixes: Sequence[LongestPrefix]) -> list[EmotionPrediction]:
    """The likeliest emotion among those of each dialogue's own set, which is what a model of ours chooses among."""
    dialogues = [prefix.dialogue for prefix in prefixes]
    rows = []
    for plain, dialogue, scores in zip(model.label(dialogues), dialogues, model.scores(dialogues), strict=True):
        labels = [label for label in model.emotion_set.labels if label in dialogue.emotion_set]
        columns = [model.emotion_set.labels.index(label) for label in labels]
        best = np.asarray(scores)[:, columns].argmax(axis=1)
        rows.append(replace(plain, emotions=tuple(labels[column] for column in best)))
    return rows


def _vote(support: tuple[float, ...], threshold: float) -> Vote:
    shares = tuple(min(1.0, share) for share in support)
    return Vote(frozenset(i for i, share in enumerate(shares) if share >= threshold), shares, 1, 1)
