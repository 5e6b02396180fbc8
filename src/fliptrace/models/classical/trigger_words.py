"""Predicts which of the last utterances triggered a flip from their words, by TF-IDF and logistic regression.

It is a baseline with three independent kinds of features: the words of the candidate, the words of the target, and the
distance between them. It does not see speakers, emotions or surrounding utterances.
boosted_trees.py is the counterpart that uses structure. It needs scikit-learn, which the extra `study` installs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fliptrace.core.errors import InputError
from fliptrace.core.flips import FlipCase

_WORDS = r"\w+|[?!.,]+"  # as in word_counts.py: runs of punctuation are words
_CANDIDATE, _TARGET, _DISTANCE = 0, 1, [2]  # columns of the feature table


@dataclass(frozen=True, slots=True, eq=False)
class TriggerWords:
    """A fitted model of the last `window` utterances."""

    window: int
    _pipeline: Any

    def supports(self, cases: Sequence[FlipCase]) -> tuple[tuple[float, ...], ...]:
        """Return the trigger probability of each utterance, per case; 0 outside the window and after the target."""
        supports = [[0.0] * len(case.dialogue) for case in cases]
        if cases:
            candidates = _tabulate(cases, self.window)
            probabilities = self._pipeline.predict_proba(candidates.table)[:, 1]
            for (case, utterance), probability in zip(candidates.places, probabilities, strict=True):
                supports[case][utterance] = float(probability)
        return tuple(map(tuple, supports))


def fit_trigger_words(cases: Sequence[FlipCase], *, window: int = 6, C: float = 0.3) -> TriggerWords:
    """Fit a model that predicts which of the last `window` utterances of a case are its triggers; deterministic.

    `C` is the inverse regularisation strength. Utterances before a case's `known_from` are left out. ValueError if a
    case has no labels; InputError if all utterances are triggers or none is.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    candidates = _tabulate(cases, window)
    gold = [case.known_triggers for case in cases]
    is_known = np.array([i >= cases[case].known_from for case, i in candidates.places], dtype=bool)
    is_trigger = np.array([i in gold[case] for case, i in candidates.places], dtype=bool)
    table, labels = candidates.table[is_known], is_trigger[is_known]
    if labels.all() or not labels.any():
        raise InputError(
            "words", f"{int(labels.sum())} triggers among {len(labels)} utterances; expected triggers and others"
        )
    # Two vocabularies: a word means something different in the target than in a candidate.
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=_WORDS)
    columns = ColumnTransformer(
        [
            ("candidate", words, _CANDIDATE),
            ("target", words, _TARGET),
            ("distance", OneHotEncoder(handle_unknown="ignore"), _DISTANCE),
        ]
    )
    pipeline = make_pipeline(columns, LogisticRegression(C=C, max_iter=5000))
    return TriggerWords(window, pipeline.fit(table, labels))


class _Candidates(NamedTuple):
    """The feature table of all candidates and the place of each row.

    `table`: (candidates, columns), all strings: candidate text, target text, distance.
    `places` holds the case index and utterance index of each row.
    """

    table: NDArray[np.object_]
    places: list[tuple[int, int]]


def _tabulate(cases: Sequence[FlipCase], window: int) -> _Candidates:
    rows, places = [], []
    for position, case in enumerate(cases):
        target, utterances = case.flip.target, case.dialogue.utterances
        for i in range(max(0, target - window + 1), target + 1):
            rows.append([utterances[i].text, utterances[target].text, str(target - i)])
            places.append((position, i))
    return _Candidates(np.array(rows, dtype=object), places)
