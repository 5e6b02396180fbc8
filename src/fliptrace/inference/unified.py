"""The unified task: from the bare text of a dialogue to its emotions, its flips and their triggers, in one process.

Emotions are labelled first, flips are found once over the whole dialogue, then each is asked about with the labels
just given. Labels that a dialogue carries are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.flips import FlipCase, find_flips
from fliptrace.inference.emotions import (
    EmotionLabels,
    LabelledUtterance,
    Place,
    chunks,
    combine_utterances,
    label_emotions,
    label_utterances,
)
from fliptrace.inference.triggers import CASES_AT_ONCE, InferenceConfig, name_triggers
from fliptrace.models.base import ChatModel, Decoding, ReplyScorer, Request, TriggerModel
from fliptrace.predictions.rows import Prediction
from fliptrace.prompts.emotions import EmotionView
from fliptrace.prompts.unified import parse_labels, render_labels_question
from fliptrace.prompts.views import Layout

TURN_UTTERANCES = 24  # utterances that one labels' turn shows; half of them are context, but in the first


@dataclass(frozen=True, slots=True)
class UnifiedResult:
    """One dialogue under the emotions that the model gave it, and a prediction for each of its flips as they land."""

    dialogue: Dialogue
    labels: EmotionLabels
    predictions: tuple[Prediction, ...]


def predict_unified(
    model: ChatModel | ReplyScorer | TriggerModel, dialogues: Sequence[Dialogue], config: InferenceConfig
) -> Iterator[UnifiedResult]:
    """Emotions, flips and triggers of every dialogue, in order. InputError where the model reads no text."""
    labelled = zip(dialogues, label_for_flips(model, dialogues, config), strict=True)
    while chunk := list(_until_enough(labelled)):
        cases = [found_cases(dialogue) for dialogue, _ in chunk]
        predictions = name_triggers(model, [case for row in cases for case in row], config)
        for (dialogue, labels), row in zip(chunk, cases, strict=True):
            yield UnifiedResult(dialogue, labels, tuple(islice(predictions, len(row))))


def found_cases(dialogue: Dialogue) -> tuple[FlipCase, ...]:
    """A case for every flip that the dialogue's emotions make, in the order they land; nobody labelled its triggers."""
    return tuple(FlipCase(f"{dialogue.id}/{flip.target}", dialogue, flip) for flip in find_flips(dialogue))


def label_for_flips(
    model: ChatModel | ReplyScorer | TriggerModel, dialogues: Sequence[Dialogue], config: InferenceConfig
) -> Iterator[EmotionLabels]:
    """Scored labels where the model scores replies; a model that only replies labels many utterances in one turn."""
    budget = config.decoding.max_new_tokens
    if isinstance(model, ChatModel) and not isinstance(model, ReplyScorer) and config.layout.name == "dialogue":
        for chunk in chunks(dialogues):
            yield from label_in_turns(model, chunk, config.layout, budget)
    else:
        yield from label_emotions(model, dialogues, config.layout, budget, config.emotion_weights)


def label_in_turns(
    model: ChatModel, dialogues: Sequence[Dialogue], layout: Layout, max_new_tokens: int = 512
) -> list[EmotionLabels]:
    """Labels of every dialogue from turns of `TURN_UTTERANCES`, each half over the one before.

    An utterance takes its label from the turn in which most is said before it. One that no turn labels is asked for
    on its own; what cannot be read then either is counted as in `label_emotions`. All turns are asked for at once.
    """
    budget = max(max_new_tokens, 8 * TURN_UTTERANCES)  # `[12] surprise` and its line break are 8 tokens at most
    turns = {place: _turns(dialogue, layout) for place, dialogue in enumerate(dialogues)}
    too_long = {
        place
        for place, row in turns.items()
        if not all(model.fits(render_labels_question(view), budget) for view in row)
    }
    views = [(place, view) for place, row in turns.items() if place not in too_long for view in row]
    requests = [Request(f"{view.dialogue.id}/{view.first}/emotions", render_labels_question(view)) for _, view in views]
    told: list[dict[int, str]] = [{} for _ in dialogues]
    for (place, view), (reply,) in zip(views, model.complete(requests, Decoding(max_new_tokens=budget)), strict=True):
        told[place] = parse_labels(reply.text, view) | told[place]  # an earlier turn shows more of what is before
    missing = [
        Place(dialogue, i)
        for dialogue, row in zip(dialogues, told, strict=True)
        for i in range(len(dialogue))
        if i not in row
    ]
    alone = iter(label_utterances(model, missing, layout, max_new_tokens))
    return [
        combine_utterances(
            [LabelledUtterance(row[i], None) if i in row else next(alone) for i in range(len(dialogue))],
            dialogue.emotion_set,
        )
        for dialogue, row in zip(dialogues, told, strict=True)
    ]


def _turns(dialogue: Dialogue, layout: Layout) -> list[EmotionView]:
    step = TURN_UTTERANCES // 2
    starts = range(0, max(1, len(dialogue) - step), step)
    return [EmotionView(dialogue, min(start + TURN_UTTERANCES, len(dialogue)) - 1, layout, start) for start in starts]


def _until_enough(labelled: Iterator[tuple[Dialogue, EmotionLabels]]) -> Iterator[tuple[Dialogue, EmotionLabels]]:
    """The next dialogues, relabelled, until they hold enough flips to ask about together."""
    num_cases = 0
    for dialogue, labels in labelled:
        relabelled = dialogue.with_emotions(labels.emotions)
        yield relabelled, labels
        num_cases += len(find_flips(relabelled))
        if num_cases >= CASES_AT_ONCE:
            return
