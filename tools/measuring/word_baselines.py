"""Word counts as a baseline of a recipe for emotions.

They are fitted on exactly the data that the model is trained on, without what the recipe holds out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fliptrace.corpora.longest_prefixes import LongestPrefix
from fliptrace.models.classical.word_counts import ClassWeight, WordCounts, fit_word_counts
from fliptrace.predictions.rows import EmotionPrediction
from fliptrace.training.data import TrainingData

CLASS_WEIGHTS: Mapping[str, ClassWeight] = {"rare emotions weighed up": "balanced", "as they come": None}
UNION = "all emotion files"


class FittedWords(NamedTuple):
    """A word count model, the file it was fitted on (or `UNION`), and its weighting of rare emotions."""

    fitted_on: str
    class_weight: str
    model: WordCounts

    def fits(self, ref: str) -> bool:
        """Whether this is a baseline for an evaluation file: fitted on the same corpus, or on all."""
        return self.fitted_on == UNION or corpus_of(self.fitted_on) == corpus_of(ref)


def fit_words(data: TrainingData, refs: Iterable[str]) -> list[FittedWords]:
    """Fit word counts for these evaluation files: on each training file of their corpora, and on all emotion files.

    The fit on all files is skipped if their emotion sets differ.
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
    """The corpus of `NAME:SPLIT`, or the folder of a path."""
    name, colon, _ = ref.partition(":")
    return name if colon else str(Path(ref).parent)


def label_by_words(model: WordCounts, prefixes: Sequence[LongestPrefix]) -> list[EmotionPrediction]:
    """Label each dialogue with the likeliest emotions of its own set, the same choice that a trained model has."""
    dialogues = [prefix.dialogue for prefix in prefixes]
    rows = []
    for plain, dialogue, scores in zip(model.label(dialogues), dialogues, model.scores(dialogues), strict=True):
        labels = [label for label in model.emotion_set.labels if label in dialogue.emotion_set]
        columns = [model.emotion_set.labels.index(label) for label in labels]
        best = np.asarray(scores)[:, columns].argmax(axis=1)
        rows.append(replace(plain, emotions=tuple(labels[column] for column in best)))
    return rows
