"""The unified task: from the bare text of a dialogue to its emotions, its flips and their triggers, in one process.

Emotions are labelled first. Flips are found once over the whole dialogue, and the triggers of each are then decoded
under the labels just given. Labels that a dialogue carries are ignored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.flips import FlipCase, find_flips
from fliptrace.inference.emotions import EmotionLabels
from fliptrace.inference.seams import EmotionLabeler, TriggerDecoder
from fliptrace.inference.triggers import CASES_AT_ONCE, name_triggers
from fliptrace.predictions.rows import Prediction


@dataclass(frozen=True, slots=True)
class UnifiedResult:
    """One dialogue under the emotions that the model gave it, and a prediction for each of its flips, in order."""

    dialogue: Dialogue
    labels: EmotionLabels
    predictions: tuple[Prediction, ...]


def predict_unified(
    labeler: EmotionLabeler, decoder: TriggerDecoder, dialogues: Sequence[Dialogue]
) -> Iterator[UnifiedResult]:
    """Emotions, flips and triggers of every dialogue, in order."""
    labelled = zip(dialogues, labeler.label(dialogues), strict=True)
    while chunk := list(_until_enough_flips(labelled)):
        cases = [found_cases(dialogue) for dialogue, _ in chunk]
        predictions = name_triggers(decoder, [case for row in cases for case in row])
        for (dialogue, labels), row in zip(chunk, cases, strict=True):
            yield UnifiedResult(dialogue, labels, tuple(islice(predictions, len(row))))


def found_cases(dialogue: Dialogue) -> tuple[FlipCase, ...]:
    """A case for every flip among the dialogue's emotions, in order of their targets; their triggers are unlabelled."""
    return tuple(FlipCase(f"{dialogue.id}/{flip.target}", dialogue, flip) for flip in find_flips(dialogue))


def _until_enough_flips(
    labelled: Iterator[tuple[Dialogue, EmotionLabels]],
) -> Iterator[tuple[Dialogue, EmotionLabels]]:
    """The next dialogues, relabelled, until they hold enough flips to be decoded together."""
    num_cases = 0
    for dialogue, labels in labelled:
        relabelled = dialogue.with_emotions(labels.emotions)
        yield relabelled, labels
        num_cases += len(find_flips(relabelled))
        if num_cases >= CASES_AT_ONCE:
            return
