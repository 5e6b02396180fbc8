"""Predicts which of the last utterances triggered a flip, with boosted trees over emotions, speakers and structure.

It is a baseline that uses no words (see trigger_features.py for its features) and a teacher of soft targets. It needs
scikit-learn, which the extra `study` installs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fliptrace.core.errors import InputError
from fliptrace.core.flips import FlipCase
from fliptrace.models.classical.trigger_features import featurise


@dataclass(frozen=True, slots=True, eq=False)
class TriggerTrees:
    """Fitted trees. `corpora` are the training corpora; the corpus is a feature, since labelling practice differs."""

    window: int
    corpora: tuple[str, ...]
    _forests: tuple[Any, ...]

    def support(self, case: FlipCase) -> tuple[float, ...]:
        """Return the probability that each utterance is a trigger; it is 0 outside the window and after the target."""
        return self.supports([case])[0]

    def supports(self, cases: Sequence[FlipCase]) -> tuple[tuple[float, ...], ...]:
        """Return `support` for every case, in one pass."""
        if not cases:
            return ()
        table = featurise(cases, self.window, self.corpora)
        probabilities = np.mean([forest.predict_proba(table.rows)[:, 1] for forest in self._forests], axis=0)
        supports = [[0.0] * len(case.dialogue) for case in cases]
        for case, utterance, probability in zip(
            table.case_indices, table.utterance_indices, probabilities, strict=True
        ):
            supports[case][utterance] = float(probability)
        return tuple(map(tuple, supports))


def fit_trigger_trees(
    cases: Sequence[FlipCase], *, window: int = 6, num_forests: int = 2, seed: int = 0
) -> TriggerTrees:
    """Fit trees that predict which of the last `window` utterances of a case are its triggers.

    Utterances before a case's `known_from` are left out. ValueError if a case has no labels; InputError if all
    utterances are triggers or none is.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    corpora = tuple(sorted({case.dialogue.corpus for case in cases}))
    table = featurise(cases, window, corpora)
    gold = [case.known_triggers for case in cases]
    places = list(zip(table.case_indices, table.utterance_indices, strict=True))
    is_known = np.array([i >= cases[case].known_from for case, i in places], dtype=bool)
    is_trigger = np.array([i in gold[case] for case, i in places], dtype=bool)
    rows, labels = table.rows[is_known], is_trigger[is_known]
    if labels.all() or not labels.any():
        raise InputError(
            "trees", f"{int(labels.sum())} triggers among {len(labels)} utterances; expected triggers and others"
        )
    forests = tuple(
        HistGradientBoostingClassifier(
            max_iter=120,
            learning_rate=0.06,
            max_leaf_nodes=12,
            min_samples_leaf=30,
            l2_regularization=5,
            max_features=0.5,
            early_stopping=False,
            random_state=seed + number,
        ).fit(rows, labels)
        for number in range(num_forests)
    )
    return TriggerTrees(window, corpora, forests)
