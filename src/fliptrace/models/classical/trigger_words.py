"""Which of the last utterances triggered a flip, by their words: TF-IDF and logistic regression.

A baseline that reads a candidate's words, the target's words and the distance between the two, each by itself: not who
spoke, no emotion unless told to, nothing of the utterances around. What structure tells stands in boosted_trees.py.
It needs scikit-learn, which the extra `study` brings.
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
_CANDIDATE, _TARGET, _LABELS = 0, 1, slice(2, None)  # columns of a table


@dataclass(frozen=True, slots=True, eq=False)
class TriggerWords:
    """A fitted model; `reads_emotions` tells whether it sees the emotions of candidate and target too."""

    window: int
    reads_emotions: bool
    _pipeline: Any

    def supports(self, cases: Sequence[FlipCase]) -> tuple[tuple[float, ...], ...]:
        """Per case how likely each utterance is a trigger, 0 to 1; 0 beyond the window and after the target."""
        supports = [[0.0] * len(case.dialogue) for case in cases]
        if cases:
            candidates = _tabulate(cases, self.window, self.reads_emotions)
            likely = self._pipeline.predict_proba(candidates.table)[:, 1]
            for (case, utterance), share in zip(candidates.places, likely, strict=True):
                supports[case][utterance] = float(share)
        return tuple(map(tuple, supports))


def fit_trigger_words(
    cases: Sequence[FlipCase], *, window: int = 6, emotions: bool = False, C: float = 0.3
) -> TriggerWords:
    """Learn which of the last `window` utterances of every case are its known triggers; no seed is involved.

    `C` is the inverse of the regularisation. Utterances before a case's `known_from` are left out. ValueError where a
    case has no labels, InputError where all utterances are triggers or none is.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    candidates = _tabulate(cases, window, emotions)
    gold = [case.known_triggers for case in cases]
    is_known = np.array([i >= cases[case].known_from for case, i in candidates.places], dtype=bool)
    is_trigger = np.array([i in gold[case] for case, i in candidates.places], dtype=bool)
    table, wanted = candidates.table[is_known], is_trigger[is_known]
    if wanted.all() or not wanted.any():
        raise InputError("words", f"{int(wanted.sum())} triggers among {len(wanted)} utterances; expected both kinds")
    # Two vocabularies: a word of the target says something else than the same word of a candidate.
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=_WORDS)
    columns = ColumnTransformer(
        [
            ("candidate", words, _CANDIDATE),
            ("target", words, _TARGET),
            ("labels", OneHotEncoder(handle_unknown="ignore"), _LABELS),
        ]
    )
    pipeline = make_pipeline(columns, LogisticRegression(C=C, max_iter=5000))
    return TriggerWords(window, emotions, pipeline.fit(table, wanted))


class _Candidates(NamedTuple):
    """`table`: (candidates, columns), all of them text: of the candidate, of the target, the distance, the emotions.
    `places` are the case and the utterance of each row.
    """

    table: NDArray[np.object_]
    places: list[tuple[int, int]]


def _tabulate(cases: Sequence[FlipCase], window: int, emotions: bool) -> _Candidates:
    rows, places = [], []
    for position, case in enumerate(cases):
        target = case.flip.target
        landing = case.dialogue.utterances[target]
        for i in range(max(0, target - window + 1), target + 1):
            candidate = case.dialogue.utterances[i]
            felt = [candidate.emotion or "", landing.emotion or ""] if emotions else []
            rows.append([candidate.text, landing.text, str(target - i), *felt])
            places.append((position, i))
    return _Candidates(np.array(rows, dtype=object), places)
