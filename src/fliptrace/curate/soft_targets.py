"""Soft targets: probabilities of a classical model (the teacher), from which a small language model learns.

They are predicted out of fold by group: the teacher for a case was not fitted on it or on anything that overlaps with
it.
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

# A larger file is split into 2 folds only: GoEmotions' 40,000 comments then take 25 s on one core.
_MANY_UTTERANCES = 20_000


def soft_triggers(
    cases: Sequence[FlipCase], *, window: int = 6, num_folds: int = 5, seed: int = 0
) -> Mapping[str, Mapping[int, float]]:
    """The probability that an utterance is a trigger, by case id and index, for the last `window` utterances.

    It comes from boosted trees that were fitted on other groups. ValueError if there are fewer groups than folds, or if
    a case has no labels.
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
    """The probability of each set of shown utterances to be the exact set of triggers, if these are independent.

    The sets have up to `max_size` members. Their probabilities are above 0 and add up to 1. An utterance without a
    probability is in no set.

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
    dialogues_by_file: Mapping[str, Sequence[Dialogue]], *, num_folds: int = 4
) -> Mapping[tuple[str, int], Mapping[str, float]]:
    """The probability of each emotion for every labelled utterance, by dialogue id and index.

    They come from word-count models that are fitted on the same file. For each file, class weights are balanced or not,
    whichever gives the better out-of-fold weighted F1. Labels that do not occur in the other folds are left out.
    ValueError if a file has fewer groups than folds.
    """
    found: dict[tuple[str, int], Mapping[str, float]] = {}
    for dialogues in dialogues_by_file.values():
        found |= _best_of_file(dialogues, num_folds)
    return found


class _OutOfFold(NamedTuple):
    """Out-of-fold probabilities for the utterances of a file, and their weighted F1."""

    scores: Mapping[tuple[str, int], Mapping[str, float]]
    weighted_f1: float


def _best_of_file(dialogues: Sequence[Dialogue], num_folds: int) -> Mapping[tuple[str, int], Mapping[str, float]]:
    many = sum(map(len, dialogues)) > _MANY_UTTERANCES
    folds = fold_by_group(dialogues, 2 if many else num_folds, seed=0)
    weights: tuple[ClassWeight, ...] = ("balanced", None)
    return max((_predict_out_of_fold(folds, weight) for weight in weights), key=lambda found: found.weighted_f1).scores


def _predict_out_of_fold(folds: Sequence[Sequence[Dialogue]], class_weight: ClassWeight) -> _OutOfFold:
    from fliptrace.scoring.emotions import score_emotions  # imports scikit-learn

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
    return _OutOfFold(found, score_emotions(predictions).weighted_f1)
