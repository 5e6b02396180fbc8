"""Soft targets: what a classical model holds likely, for a small language model to learn from beside the label.

Out-of-fold by group, so that no teacher saw the case, the utterance or anything that overlaps with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.flips import FlipCase
from fliptrace.corpora.splits import fold_by_group
from fliptrace.models.classical.boosted_trees import fit_trigger_trees
from fliptrace.models.classical.word_counts import ClassWeight, fit_word_counts
from fliptrace.predictions.rows import EmotionPrediction
from fliptrace.prompts.views import View

# A file of more is halved instead: GoEmotions' 40,000 comments take 25 s of one core so.
_MANY_UTTERANCES = 20_000


def soft_triggers(
    cases: Sequence[FlipCase], *, window: int = 6, num_folds: int = 5, seed: int = 0
) -> Mapping[str, Mapping[int, float]]:
    """By case id: how likely each of the last `window` utterances is a trigger, by trees that saw nothing of its group.

    ValueError where there are fewer groups than folds or a case has no labels.
    """
    found: dict[str, dict[int, float]] = {}
    folds = fold_by_group(cases, num_folds, seed)
    for number, fold in enumerate(folds):
        others = [case for other, rest in enumerate(folds) if other != number for case in rest]
        trees = fit_trigger_trees(others, window=window, seed=seed)
        for case, support in zip(fold, trees.supports(fold), strict=True):
            first = max(0, case.flip.target - window + 1)
            found[case.id] = {i: support[i] for i in range(first, case.flip.target + 1)}
    return {case.id: found[case.id] for case in cases}


def soft_sets(view: View, probabilities: Mapping[int, float], max_size: int = 3) -> Mapping[frozenset[int], float]:
    """How likely each set of shown utterances is all the triggers there are, if each is one independently.

    Sets of up to `max_size`, shares above 0 that add up to 1; an utterance without a probability is in none.

    >>> from fliptrace.core.dialogue import Dialogue, Utterance
    >>> from fliptrace.core.emotion_sets import MELD7
    >>> from fliptrace.core.flips import find_flips
    >>> from fliptrace.prompts.views import Layout
    >>> lines = [("Ana", "joy"), ("Ben", "anger"), ("Ana", "fear")]
    >>> dialogue = Dialogue("d", "d", tuple(Utterance(s, "...", e) for s, e in lines), MELD7)
    >>> view = View(FlipCase("d#0", dialogue, find_flips(dialogue)[0]), Layout("window"))
    >>> {tuple(sorted(found)): round(share, 2) for found, share in soft_sets(view, {1: 0.75, 2: 0.2}).items()}
    {(): 0.2, (1,): 0.6, (2,): 0.05, (1, 2): 0.15}
    """
    likely = {i: min(p, 1 - 1e-6) for i in view.shown if (p := probabilities.get(i, 0.0)) > 0}
    none = float(np.prod([1 - p for p in likely.values()]))
    weights = {
        frozenset(chosen): none * float(np.prod([likely[i] / (1 - likely[i]) for i in chosen]))
        for size in range(max_size + 1)
        for chosen in combinations(likely, size)
    }
    total = sum(weights.values())
    return {chosen: weight / total for chosen, weight in weights.items() if weight > 0}


def soft_emotions(
    dialogues_by_file: Mapping[str, Sequence[Dialogue]], *, num_folds: int = 4, seed: int = 0
) -> Mapping[tuple[str, int], Mapping[str, float]]:
    """By dialogue id and index: how likely each emotion is of a labelled utterance, by word counts of its own file.

    Whether rare emotions are weighed up is chosen a file, by weighted F1 out of fold. Labels that never stand in
    the file's other folds are left out. ValueError where a file has fewer groups than folds.
    """
    found: dict[tuple[str, int], Mapping[str, float]] = {}
    for dialogues in dialogues_by_file.values():
        found |= _best_of_file(dialogues, num_folds, seed)
    return found


class _Told(NamedTuple):
    """What out-of-fold word counts told of a file, and how right they were."""

    scores: Mapping[tuple[str, int], Mapping[str, float]]
    weighted_f1: float


def _best_of_file(
    dialogues: Sequence[Dialogue], num_folds: int, seed: int
) -> Mapping[tuple[str, int], Mapping[str, float]]:
    many = sum(map(len, dialogues)) > _MANY_UTTERANCES
    folds = fold_by_group(dialogues, 2 if many else num_folds, seed)
    weights: tuple[ClassWeight, ...] = ("balanced", None)
    return max((_tell(folds, weight) for weight in weights), key=lambda told: told.weighted_f1).scores


def _tell(folds: Sequence[Sequence[Dialogue]], class_weight: ClassWeight) -> _Told:
    from fliptrace.scoring.emotions import score_emotions  # brings scikit-learn

    found: dict[tuple[str, int], dict[str, float]] = {}
    predictions: list[EmotionPrediction] = []
    for number, fold in enumerate(folds):
        model = fit_word_counts(
            [dialogue for other, rest in enumerate(folds) if other != number for dialogue in rest],
            class_weight=class_weight,
        )
        predictions += model.label(fold)
        for dialogue, rows in zip(fold, model.scores(fold), strict=True):
            for index in (i for i, emotion in enumerate(dialogue.emotions) if emotion is not None):
                scores = zip(model.emotion_set.labels, rows[index].tolist(), strict=True)
                found[dialogue.id, index] = {label: score for label, score in scores if score > 0}
    return _Told(found, score_emotions(predictions).weighted_f1)
