"""Which of the last utterances triggered a flip, by boosted trees over emotions, speakers and structure.

A baseline that reads no words (trigger_features.py says what it sees), and a teacher of soft targets. It needs
scikit-learn, which the extra `study` brings.
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
    """Fitted trees; `corpora` are those they saw, whose habits of labelling they tell apart."""

    window: int
    corpora: tuple[str, ...]
    _forests: tuple[Any, ...]

    def support(self, case: FlipCase) -> tuple[float, ...]:
        """How likely each utterance of the dialogue is a trigger, 0 to 1; 0 beyond the window and after the target."""
        return self.supports([case])[0]

    def supports(self, cases: Sequence[FlipCase]) -> tuple[tuple[float, ...], ...]:
        """`support` of every case, in one pass."""
        if not cases:
            return ()
        table = featurise(cases, self.window, self.corpora)
        likely = np.mean([forest.predict_proba(table.rows)[:, 1] for forest in self._forests], axis=0)
        supports = [[0.0] * len(case.dialogue) for case in cases]
        for case, utterance, share in zip(table.case_indices, table.utterance_indices, likely, strict=True):
            supports[case][utterance] = float(share)
        return tuple(map(tuple, supports))


def fit_trigger_trees(
    cases: Sequence[FlipCase], *, window: int = 6, num_forests: int = 2, seed: int = 0
) -> TriggerTrees:
    """Learn which of the last `window` utterances of every case are its known triggers.

    Utterances before a case's `known_from` are left out. ValueError where a case has no labels, InputError where
    all utterances are triggers or none is.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    corpora = tuple(sorted({case.dialogue.corpus for case in cases}))
    table = featurise(cases, window, corpora)
    gold = [case.known_triggers for case in cases]
    places = list(zip(table.case_indices, table.utterance_indices, strict=True))
    is_known = np.array([i >= cases[case].known_from for case, i in places], dtype=bool)
    is_trigger = np.array([i in gold[case] for case, i in places], dtype=bool)
    rows, wanted = table.rows[is_known], is_trigger[is_known]
    if wanted.all() or not wanted.any():
        raise InputError("trees", f"{int(wanted.sum())} triggers among {len(wanted)} utterances; expected both kinds")
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
        ).fit(rows, wanted)
        for number in range(num_forests)
    )
    return TriggerTrees(window, corpora, forests)
