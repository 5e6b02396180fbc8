"""The unified task: from the bare text of a dialogue to its emotions, its flips and their triggers, in one process.

Emotions are labelled first. Flips are found once over the whole dialogue, by the function that `analyze` uses too
(flips.py), and the triggers of each are then decoded under the labels just given. Labels that a dialogue carries are
ignored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.flips import FlipCase
from fliptrace.inference.config import InferenceConfig
from fliptrace.inference.emotions import EmotionLabels
from fliptrace.inference.flips import ProbableFlip, find_probable_flips, show_flip
from fliptrace.inference.seams import EmotionLabeler, TriggerDecoder
from fliptrace.inference.triggers import CASES_AT_ONCE, name_triggers
from fliptrace.predictions.rows import Prediction


@dataclass(frozen=True, slots=True)
class UnifiedResult:
    """One dialogue under the likeliest emotions, its flips, and a prediction for each flip, in the same order."""

    dialogue: Dialogue
    labels: EmotionLabels
    flips: tuple[ProbableFlip, ...]
    predictions: tuple[Prediction, ...]


def predict_unified(
    labeler: EmotionLabeler, decoder: TriggerDecoder, dialogues: Sequence[Dialogue]
) -> Iterator[UnifiedResult]:
    """Emotions, flips and triggers of every dialogue, in order. The decoder's config says what is a flip."""
    labelled = zip(dialogues, labeler.label(dialogues), strict=True)
    while chunk := list(_until_enough_flips(labelled, decoder.config)):
        cases = [found_cases(dialogue, flips) for dialogue, _, flips in chunk]
        predictions = name_triggers(decoder, [case for row in cases for case in row])
        for dialogue, labels, flips in chunk:
            yield UnifiedResult(dialogue, labels, flips, tuple(islice(predictions, len(flips))))


def found_cases(dialogue: Dialogue, flips: Sequence[ProbableFlip]) -> tuple[FlipCase, ...]:
    """A case for every flip, in order; their triggers are unlabelled. Each shows the labels of its own flip."""
    return tuple(FlipCase(f"{dialogue.id}/{flip.target}", show_flip(dialogue, flip), flip) for flip, _ in flips)


def _until_enough_flips(
    labelled: Iterator[tuple[Dialogue, EmotionLabels]], config: InferenceConfig
) -> Iterator[tuple[Dialogue, EmotionLabels, tuple[ProbableFlip, ...]]]:
    """The next dialogues, relabelled, with their flips, until these are enough to be decoded together."""
    num_cases = 0
    for dialogue, labels in labelled:
        relabelled = dialogue.with_emotions(labels.emotions)
        distributions = labels.scores or (None,) * len(dialogue)
        flips = find_probable_flips(relabelled, distributions, config.flip_threshold, config.same_label_odds)
        yield relabelled, labels, flips
        num_cases += len(flips)
        if num_cases >= CASES_AT_ONCE:
            return
