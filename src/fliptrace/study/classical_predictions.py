"""Write the predictions of classical models as ordinary prediction files, to be scored and compared like any other.

Classical models are baselines beside language models. None can be named as MODEL, because each is fitted on the spot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.errors import InputError
from fliptrace.core.files import Json
from fliptrace.core.flips import FlipCase
from fliptrace.core.messages import Answer
from fliptrace.core.voting import Vote
from fliptrace.models.classical.boosted_trees import TriggerTrees
from fliptrace.models.classical.word_counts import WordCounts
from fliptrace.predictions.rows import EmotionPrediction, Prediction
from fliptrace.predictions.writer import write_predictions


class SupportModel(Protocol):
    """A model that gives every utterance its support at once, instead of answers: trees, words, an encoder."""

    def supports(self, cases: Sequence[FlipCase]) -> tuple[tuple[float, ...], ...]:
        """For every case, how likely each utterance of its dialogue is a trigger, from 0 to 1."""
        ...


def predict_by_support(model: SupportModel, cases: Sequence[FlipCase], threshold: float = 0.5) -> list[Prediction]:
    """Predict every case; utterances with a support of at least `threshold` are named.

    InputError unless 0 < threshold <= 1.
    """
    if not 0 < threshold <= 1:
        raise InputError("threshold", f"{threshold}: expected more than 0 and at most 1")
    rows = []
    for case, support in zip(cases, model.supports(cases), strict=True):
        named = frozenset(i for i, share in enumerate(support) if share >= threshold)
        rows.append(Prediction.of(case, Vote(named, support, 1, 1), [Answer(named, "")]))
    return rows


def write_trees_predictions(
    trees: TriggerTrees, cases: Sequence[FlipCase], threshold: float, path: Path, data: Json
) -> list[Prediction]:
    """Write the rows of `predict_by_support` and a manifest. `data` describes the training data and the cases."""
    manifest: Json = {
        "task": "trigger",
        "model": "boosted-trees",
        "window": trees.window,
        "threshold": threshold,
        "data": data,
        "num_cases": len(cases),
    }

    def make_rows(num_done: int) -> Iterator[Prediction]:
        return iter(predict_by_support(trees, cases[num_done:], threshold))

    return write_predictions(path, manifest, Prediction.from_json, make_rows).rows


def write_word_counts_predictions(
    words: WordCounts, dialogues: Sequence[Dialogue], path: Path, data: Json
) -> list[EmotionPrediction]:
    """Write the labels of `WordCounts.label` and a manifest. `data` describes the training data and the dialogues."""
    manifest: Json = {"task": "emotion", "model": "word-counts", "data": data, "num_dialogues": len(dialogues)}

    def make_rows(num_done: int) -> Iterator[EmotionPrediction]:
        return iter(words.label(dialogues[num_done:]))

    return write_predictions(path, manifest, EmotionPrediction.from_json, make_rows).rows
