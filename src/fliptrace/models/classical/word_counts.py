"""Predicts the emotion of an utterance from its own words, without context, by TF-IDF and logistic regression.

It is the baseline that every emotion model has to beat, and a teacher of soft targets. It is not part of the core
install: it needs scikit-learn, which the extra `study` installs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.emotion_sets import EmotionSet
from fliptrace.core.errors import InputError
from fliptrace.predictions.rows import EmotionPrediction

ClassWeight = Literal["balanced"] | None

# Runs of punctuation count as words: this raises weighted F1 on MELD dev from .41 to .53.
_WORDS = r"\w+|[?!.,]+"


@dataclass(frozen=True, slots=True, eq=False)
class WordCounts:
    """A fitted model; `labels` are the training labels, a subset of those of `emotion_set`."""

    emotion_set: EmotionSet
    labels: tuple[str, ...]
    _vectorizer: Any
    _regression: Any

    def scores(self, dialogues: Sequence[Dialogue]) -> tuple[NDArray[np.float64], ...]:
        """Return label probabilities per dialogue, each (utterances, labels of `emotion_set`); rows add up to 1.

        A label that did not occur in the training data has probability 0. The dialogues' own labels are ignored.
        """
        texts = [utterance.text for dialogue in dialogues for utterance in dialogue.utterances]
        scores = np.zeros((len(texts), len(self.emotion_set.labels)))
        if texts:
            columns = [self.emotion_set.labels.index(label) for label in self.labels]
            scores[:, columns] = self._regression.predict_proba(self._vectorizer.transform(texts))
        ends = np.cumsum([len(dialogue) for dialogue in dialogues])
        return tuple(np.split(scores, ends[:-1])) if dialogues else ()

    def label(self, dialogues: Sequence[Dialogue]) -> tuple[EmotionPrediction, ...]:
        """Predict the likeliest emotion of every utterance; one row of a prediction file per dialogue."""
        names = self.emotion_set.labels
        return tuple(
            EmotionPrediction(
                id=dialogue.id,
                group=dialogue.group,
                corpus=dialogue.corpus,
                split=dialogue.split,
                speakers=dialogue.speakers,
                gold=dialogue.emotions,
                emotions=tuple(names[column] for column in rows.argmax(axis=1)),
            )
            for dialogue, rows in zip(dialogues, self.scores(dialogues), strict=True)
        )


def fit_word_counts(dialogues: Sequence[Dialogue], *, class_weight: ClassWeight = "balanced") -> WordCounts:
    """Fit a model on every labelled utterance.

    `class_weight` "balanced" gives rare emotions a higher weight; None gives every utterance the same weight.
    ValueError if the dialogues have different emotion sets; InputError if they contain fewer than two emotions or if no
    word occurs in two utterances.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    emotion_set = _the_emotion_set(dialogues)
    rows = [(u.text, u.emotion) for dialogue in dialogues for u in dialogue.utterances if u.emotion is not None]
    labels = sorted({emotion for _, emotion in rows})
    if len(labels) < 2:
        raise InputError("word counts", f"{len(labels)} emotions in the labelled utterances; expected at least two")
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True, token_pattern=_WORDS)
    try:
        counts = vectorizer.fit_transform([text for text, _ in rows])
    except ValueError as error:  # scikit-learn raises this if the vocabulary is empty
        raise InputError(
            "word counts", f"no word occurs in two of {len(rows)} utterances; expected a larger training set"
        ) from error
    regression = LogisticRegression(C=5.0, class_weight=class_weight, max_iter=5000)
    regression.fit(counts, [emotion for _, emotion in rows])
    return WordCounts(emotion_set, tuple(map(str, regression.classes_)), vectorizer, regression)


def _the_emotion_set(dialogues: Sequence[Dialogue]) -> EmotionSet:
    sets = {dialogue.emotion_set for dialogue in dialogues}
    if len(sets) != 1:
        names = ", ".join(sorted(emotion_set.name for emotion_set in sets)) or "none"
        raise ValueError(f"dialogues with the emotion sets {names}; expected one emotion set")
    return sets.pop()
