"""Labels the emotion of every utterance from bare text; labels that a dialogue carries are ignored.

`ScoringLabeler` scores every label of the emotion set, one question per utterance. `ReplyingLabeler` asks a model that
only replies, greedily, one utterance at a time. turns.py asks about many utterances in one reply.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import NamedTuple

import numpy as np

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.emotion_sets import EmotionSet
from fliptrace.core.errors import InputError
from fliptrace.core.messages import NUM_SHOWN, Message
from fliptrace.inference.overlong import shorten_overlong
from fliptrace.models.base import ChatModel, Choice, Decoding, ReplyScorer, Request
from fliptrace.prompts.emotions import (
    EmotionView,
    emotion_replies,
    emotion_view,
    parse_emotion,
    render_emotion_question,
)
from fliptrace.prompts.views import Layout, first_that_fits

UTTERANCES_AT_ONCE = 1024  # enough to fill batches, little to hold in memory
LABEL_TOKENS = 32  # more than any label takes, whatever the tokenizer


@dataclass(frozen=True, slots=True)
class EmotionLabels:
    """The labels of one dialogue, one per utterance.

    `scores`: (utterances, labels in the order of the emotion set), the probability of each label, each row summing to
    1; None where the model only replied. Where one of the `num_unparsed` replies could not be parsed, the label is
    the neutral label, or the first of the set if it has none. `unparsed` are the first of these replies, to be shown.
    Of `num_shortened` utterances, too long for the model's context, the model read the beginning only.
    """

    emotions: tuple[str, ...]
    scores: tuple[tuple[float, ...], ...] | None
    num_unparsed: int = 0
    unparsed: tuple[str, ...] = ()
    num_shortened: int = 0


class Place(NamedTuple):
    """One utterance of a dialogue."""

    dialogue: Dialogue
    utterance_index: int


class LabelledUtterance(NamedTuple):
    """The label of one utterance, None where the `reply` could not be parsed. `scores`: its row of EmotionLabels.

    `is_shortened`: the model read its beginning only.
    """

    label: str | None
    scores: tuple[float, ...] | None
    reply: str = ""
    is_shortened: bool = False


class _Question(NamedTuple):
    """A prompt about one utterance and the labels to choose from; asked once, however many utterances lead to it."""

    messages: tuple[Message, ...]
    emotion_set: EmotionSet
    layout: Layout
    is_shortened: bool


class UtteranceLabeler(ABC):
    """Asks about one utterance per question. Equal questions are asked once per call."""

    layout: Layout

    def label(self, dialogues: Sequence[Dialogue]) -> Iterator[EmotionLabels]:
        """The labels of every dialogue, in order."""
        known: dict[_Question, LabelledUtterance] = {}
        for chunk in chunks(dialogues):
            places = [Place(dialogue, index) for dialogue in chunk for index in range(len(dialogue))]
            labelled = iter(self.label_utterances(places, known))
            for dialogue in chunk:
                yield combine_utterances(list(islice(labelled, len(dialogue))), dialogue.emotion_set)

    def label_utterances(
        self, places: Sequence[Place], known: dict[_Question, LabelledUtterance] | None = None
    ) -> list[LabelledUtterance]:
        """The labels of these utterances, in order. Answers are looked up in `known` and added to it."""
        known = {} if known is None else known
        questions = [self._question(place) for place in places]
        new: dict[_Question, str] = {}
        for (dialogue, index), question in zip(places, questions, strict=True):
            if question not in known:
                new.setdefault(question, f"{dialogue.id}/{index}/emotion")
        for question, labelled in zip(new, self._answer(new), strict=True):
            known[question] = labelled._replace(is_shortened=question.is_shortened)
        return [known[question] for question in questions]

    def _question(self, place: Place) -> _Question:
        """The question about one utterance, its oldest utterances left out where the model's context is too short.

        An utterance that does not fit alone is cut. InputError if even its beginning does not fit.
        """
        view = emotion_view(place.dialogue, place.utterance_index, self.layout)
        messages = self._first_that_fits(view)
        if messages is not None:
            return _Question(messages, place.dialogue.emotion_set, self.layout, is_shortened=False)
        shortened = shorten_overlong(
            view.dialogue, [view.target], self.layout, last_question_fits(self._fits, self.layout)
        )
        messages = self._first_that_fits(replace(view, dialogue=shortened.dialogue))
        if messages is None:
            raise InputError(
                f"dialogue {place.dialogue.id}", f"utterance {place.utterance_index} alone overruns the model's context"
            )
        return _Question(messages, place.dialogue.emotion_set, self.layout, is_shortened=True)

    def _first_that_fits(self, view: EmotionView) -> tuple[Message, ...] | None:
        """The question that fits with the fewest of the oldest utterances left out, or None."""

        def fits(first: int) -> bool:
            return self._fits(render_emotion_question(replace(view, first=first)))

        first = first_that_fits(view.first, view.target, fits)
        return None if first is None else render_emotion_question(replace(view, first=first))

    @abstractmethod
    def _fits(self, messages: tuple[Message, ...]) -> bool:
        """Whether question and answer fit the model's context."""

    @abstractmethod
    def _answer(self, questions: Mapping[_Question, str]) -> list[LabelledUtterance]:
        """The answers to questions, which are given with their keys."""


@dataclass(frozen=True, slots=True)
class ScoringLabeler(UtteranceLabeler):
    """Scores every label. `weights` and `temperature` are those of checkpoints.InferenceDefaults."""

    name: str
    scorer: ReplyScorer
    layout: Layout
    weights: Mapping[str, float] = field(default_factory=dict)
    temperature: float = 1.0

    def _fits(self, messages: tuple[Message, ...]) -> bool:
        return self.scorer.fits(messages, LABEL_TOKENS)

    def _answer(self, questions: Mapping[_Question, str]) -> list[LabelledUtterance]:
        replies = [emotion_replies(question.emotion_set, question.layout.name) for question in questions]
        choices = [Choice(key, q.messages, r) for (q, key), r in zip(questions.items(), replies, strict=True)]
        return [
            reweight(_normalize(logprobs, question.emotion_set), question.emotion_set, self.weights, self.temperature)
            for question, logprobs in zip(questions, self.scorer.score_replies(choices), strict=True)
        ]


@dataclass(frozen=True, slots=True)
class ReplyingLabeler(UtteranceLabeler):
    """Asks a model that only replies, greedily. It gives no distribution."""

    name: str
    chat: ChatModel
    layout: Layout
    max_new_tokens: int = LABEL_TOKENS

    def _fits(self, messages: tuple[Message, ...]) -> bool:
        return self.chat.fits(messages, self.max_new_tokens)

    def _answer(self, questions: Mapping[_Question, str]) -> list[LabelledUtterance]:
        requests = [Request(key, question.messages) for question, key in questions.items()]
        completions = self.chat.complete(requests, Decoding(max_new_tokens=self.max_new_tokens))
        return [
            LabelledUtterance(parse_emotion(reply.text, question.emotion_set, is_cut=reply.is_cut), None, reply.text)
            for question, (reply,) in zip(questions, completions, strict=True)
        ]


def last_question_fits(fits: Callable[[tuple[Message, ...]], bool], layout: Layout) -> Callable[[Dialogue], bool]:
    """Whether the question about the last utterance of a dialogue fits, given whether messages fit."""
    return lambda dialogue: fits(render_emotion_question(emotion_view(dialogue, len(dialogue) - 1, layout)))


def combine_utterances(labelled: Sequence[LabelledUtterance], emotion_set: EmotionSet) -> EmotionLabels:
    """The labels of a dialogue from those of its utterances."""
    fallback = fallback_emotion(emotion_set)
    scores = [each.scores for each in labelled if each.scores is not None]
    unparsed = [each.reply for each in labelled if each.label is None]
    return EmotionLabels(
        tuple(each.label or fallback for each in labelled),
        tuple(scores) if len(scores) == len(labelled) else None,
        len(unparsed),
        tuple(unparsed[:NUM_SHOWN]),
        sum(each.is_shortened for each in labelled),
    )


def reweight(
    labelled: LabelledUtterance, emotion_set: EmotionSet, weights: Mapping[str, float], temperature: float = 1.0
) -> LabelledUtterance:
    """Multiply the probability of every label by its weight, normalize them again, and apply the temperature.

    >>> from fliptrace.core.emotion_sets import EmotionSet
    >>> reweight(LabelledUtterance("neutral", (0.25, 0.75)), EmotionSet("two", ("fear", "neutral")), {"fear": 9.0})[:2]
    ('fear', (0.75, 0.25))
    """
    if labelled.scores is None:
        return labelled
    if not weights:
        return labelled._replace(scores=temper(labelled.scores, temperature))
    weighted = np.array(labelled.scores) * [weights.get(label, 1.0) for label in emotion_set.labels]
    scores = weighted / weighted.sum()
    label = emotion_set.labels[int(scores.argmax())]
    return LabelledUtterance(label, temper(tuple(map(float, scores)), temperature))


def reweight_labels(
    labels: EmotionLabels, emotion_set: EmotionSet, weights: Mapping[str, float], temperature: float = 1.0
) -> EmotionLabels:
    """`reweight` for all utterances of a dialogue."""
    if labels.scores is None:
        return labels
    rows = [LabelledUtterance(label, scores) for label, scores in zip(labels.emotions, labels.scores, strict=True)]
    changed = combine_utterances([reweight(row, emotion_set, weights, temperature) for row in rows], emotion_set)
    return replace(labels, emotions=changed.emotions, scores=changed.scores)


def temper(distribution: tuple[float, ...], temperature: float) -> tuple[float, ...]:
    """Flatten a distribution (temperature above 1) or sharpen it (below 1). The order of the labels stays.

    >>> temper((0.8, 0.2), 0.5), temper((0.8, 0.2), 1.0)
    ((0.9411764705882353, 0.058823529411764705), (0.8, 0.2))
    """
    if temperature == 1:
        return distribution
    highest = max(distribution)
    raised = [(share / highest) ** (1 / temperature) for share in distribution]
    total = sum(raised)
    return tuple(share / total for share in raised)


def fallback_emotion(emotion_set: EmotionSet) -> str:
    """The label where a reply could not be parsed; such replies are counted."""
    return emotion_set.neutral or emotion_set.labels[0]


def chunks(dialogues: Iterable[Dialogue]) -> Iterator[list[Dialogue]]:
    """The dialogues in order, in groups that are asked about together."""
    chunk: list[Dialogue] = []
    for dialogue in dialogues:
        chunk.append(dialogue)
        if sum(map(len, chunk)) >= UTTERANCES_AT_ONCE:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _normalize(logprobs: Sequence[float], emotion_set: EmotionSet) -> LabelledUtterance:
    """The probabilities of the labels, given that the reply is one of them."""
    weights = np.exp(np.asarray(logprobs) - max(logprobs))
    scores = weights / weights.sum()
    return LabelledUtterance(emotion_set.labels[int(scores.argmax())], tuple(map(float, scores)))
