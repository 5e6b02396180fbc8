"""An emotion for every utterance of a dialogue, from bare text: whatever labels the dialogue carries are not looked at.

A model that weighs replies is read exactly: one look an utterance, a probability for every label of the set. One that
can only be talked to is asked an utterance at a time, greedily.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

import numpy as np

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.emotion_sets import EmotionSet
from fliptrace.core.errors import InputError
from fliptrace.core.messages import Message
from fliptrace.models.base import ChatModel, Choice, Decoding, ReplyScorer, Request, TriggerModel
from fliptrace.prompts.emotions import (
    emotion_replies,
    emotion_view,
    parse_emotion,
    render_emotion_question,
)
from fliptrace.prompts.views import Layout, first_that_fits

UTTERANCES_AT_ONCE = 1024  # enough to fill batches, little to hold
NO_WEIGHTS: Mapping[str, float] = {}
_REPLY_TOKENS = 32  # no label is longer, whatever the tokenizer


@dataclass(frozen=True, slots=True)
class EmotionLabels:
    """What a model said of one dialogue, an utterance each.

    `scores`: (utterances, labels in the order of the emotion set), the probability of each label, a row adding up to
    1; None where the model only replied. `num_unparsed` replies could not be read: there stands "neutral", or the
    set's first label where it has no "neutral".
    """

    emotions: tuple[str, ...]
    scores: tuple[tuple[float, ...], ...] | None
    num_unparsed: int = 0


class _Ask(NamedTuple):
    """A question and what may be replied: asked once, however many utterances lead to it."""

    messages: tuple[Message, ...]
    emotion_set: EmotionSet
    layout: Layout


class Place(NamedTuple):
    """One utterance of a dialogue."""

    dialogue: Dialogue
    utterance_index: int


class LabelledUtterance(NamedTuple):
    """One utterance as read; `label` is None where the reply could not be. `scores` as in EmotionLabels, a row."""

    label: str | None
    scores: tuple[float, ...] | None


def label_emotions(
    model: ChatModel | ReplyScorer | TriggerModel,
    dialogues: Sequence[Dialogue],
    layout: Layout,
    max_new_tokens: int = _REPLY_TOKENS,
    weights: Mapping[str, float] = NO_WEIGHTS,
) -> Iterator[EmotionLabels]:
    """The emotions of every dialogue, in order. InputError where the model reads no text, as a rule does not.

    `max_new_tokens` bounds the replies of a model that is talked to; `weights` multiply the probabilities of labels
    where there are any (checkpoints.InferenceDefaults). Equal questions are asked once a call.
    """
    known: dict[_Ask, LabelledUtterance] = {}
    for chunk in chunks(dialogues):
        places = [Place(dialogue, index) for dialogue in chunk for index in range(len(dialogue))]
        labelled = iter(label_utterances(model, places, layout, max_new_tokens, known))
        for dialogue in chunk:
            of_dialogue = [
                reweight(labelled, dialogue.emotion_set, weights) for labelled in islice(labelled, len(dialogue))
            ]
            yield combine_utterances(of_dialogue, dialogue.emotion_set)


def label_utterances(
    model: ChatModel | ReplyScorer | TriggerModel,
    places: Sequence[Place],
    layout: Layout,
    max_new_tokens: int = _REPLY_TOKENS,
    known: dict[_Ask, LabelledUtterance] | None = None,
) -> list[LabelledUtterance]:
    """What the model says to each of these utterances, in order; what it says is put down in `known`."""
    reader = check_reads_text(model)
    known = {} if known is None else known
    asks = [_ask(reader, place, layout, max_new_tokens) for place in places]
    new: dict[_Ask, str] = {}
    for (dialogue, index), ask in zip(places, asks, strict=True):
        if ask not in known:
            new.setdefault(ask, f"{dialogue.id}/{index}/emotion")
    known.update(zip(new, _read(reader, new, max_new_tokens), strict=True))
    return [known[ask] for ask in asks]


def check_reads_text(model: ChatModel | ReplyScorer | TriggerModel) -> ChatModel | ReplyScorer:
    """The model itself; InputError where it reads no text, and so can label no emotions."""
    if isinstance(model, ChatModel | ReplyScorer):
        return model
    raise InputError(model.name, "labels no emotions; expected a model that reads text")


def combine_utterances(labelled: Sequence[LabelledUtterance], emotion_set: EmotionSet) -> EmotionLabels:
    """The labels of a dialogue from one reading an utterance."""
    fallback = fallback_emotion(emotion_set)
    scores = [labelled.scores for labelled in labelled if labelled.scores is not None]
    return EmotionLabels(
        tuple(labelled.label or fallback for labelled in labelled),
        tuple(scores) if len(scores) == len(labelled) else None,
        sum(labelled.label is None for labelled in labelled),
    )


def reweight(labelled: LabelledUtterance, emotion_set: EmotionSet, weights: Mapping[str, float]) -> LabelledUtterance:
    """The reading with the probability of every label multiplied by its weight, and their sum 1 again.

    >>> from fliptrace.core.emotion_sets import EmotionSet
    >>> reweight(LabelledUtterance("neutral", (0.25, 0.75)), EmotionSet("two", ("fear", "neutral")), {"fear": 9.0})
    LabelledUtterance(label='fear', scores=(0.75, 0.25))
    """
    if labelled.scores is None or not weights:
        return labelled
    weighted = np.array(labelled.scores) * [weights.get(label, 1.0) for label in emotion_set.labels]
    scores = weighted / weighted.sum()
    return LabelledUtterance(emotion_set.labels[int(scores.argmax())], tuple(map(float, scores)))


def fallback_emotion(emotion_set: EmotionSet) -> str:
    """What stands where a reply could not be read, which is counted."""
    return "neutral" if "neutral" in emotion_set else emotion_set.labels[0]


def chunks(dialogues: Iterable[Dialogue]) -> Iterator[list[Dialogue]]:
    """Dialogues, in order, that are asked about together."""
    chunk: list[Dialogue] = []
    for dialogue in dialogues:
        chunk.append(dialogue)
        if sum(map(len, chunk)) >= UTTERANCES_AT_ONCE:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _ask(model: ChatModel | ReplyScorer, place: Place, layout: Layout, max_new_tokens: int) -> _Ask:
    """The question for one utterance, its oldest utterances left out where the model's context asks for it."""
    view = emotion_view(place.dialogue, place.utterance_index, layout)
    budget = _REPLY_TOKENS if isinstance(model, ReplyScorer) else max_new_tokens

    def fits(first: int) -> bool:
        return model.fits(render_emotion_question(replace(view, first=first)), budget)

    first = first_that_fits(view.first, view.target, fits)
    if first is None:
        raise InputError(
            f"dialogue {place.dialogue.id}", f"utterance {place.utterance_index} alone overruns the model's context"
        )
    return _Ask(render_emotion_question(replace(view, first=first)), place.dialogue.emotion_set, layout)


def _read(model: ChatModel | ReplyScorer, asks: dict[_Ask, str], max_new_tokens: int) -> list[LabelledUtterance]:
    """What the model says to each of these questions, which go under their keys."""
    if isinstance(model, ReplyScorer):
        replies = [emotion_replies(ask.emotion_set, ask.layout.name) for ask in asks]
        choices = [Choice(key, a.messages, r) for (a, key), r in zip(asks.items(), replies, strict=True)]
        return [
            _scored(log_probs, ask.emotion_set)
            for ask, log_probs in zip(asks, model.score_replies(choices), strict=True)
        ]
    requests = [Request(key, ask.messages) for ask, key in asks.items()]
    completions = model.complete(requests, Decoding(max_new_tokens=max_new_tokens))
    return [
        LabelledUtterance(parse_emotion(reply.text, ask.emotion_set), None)
        for ask, (reply,) in zip(asks, completions, strict=True)
    ]


def _scored(log_probs: Sequence[float], emotion_set: EmotionSet) -> LabelledUtterance:
    """The labels' probabilities, given that the reply is one of them."""
    weights = np.exp(np.asarray(log_probs) - max(log_probs))
    scores = weights / weights.sum()
    return LabelledUtterance(emotion_set.labels[int(scores.argmax())], tuple(map(float, scores)))
