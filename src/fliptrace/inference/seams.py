"""The two seams of inference: `EmotionLabeler` and `TriggerDecoder`, and the one place where they are chosen.

Everything above, from the command to the page of an analysis, holds one of each and asks no further what kind of model
is behind it. A new kind of model is a new decoder or labeler, and a line here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.errors import InputError
from fliptrace.core.flips import FlipCase
from fliptrace.inference.config import InferenceConfig
from fliptrace.inference.decoders import ExactDecoder, RuleDecoder, SampledDecoder, SampleScoringDecoder
from fliptrace.inference.emotion_turns import FormLabeler
from fliptrace.inference.emotions import EmotionLabels, ReplyingLabeler, ScoringLabeler
from fliptrace.inference.reading import ReadingDecoder, ReadingLabeler
from fliptrace.inference.turns import TurnLabeler
from fliptrace.models.base import Decoding, DecodingKind, Model
from fliptrace.predictions.rows import Prediction
from fliptrace.prompts.emotions import NUM_BEFORE


class EmotionLabeler(Protocol):
    """Labels the emotion of every utterance from bare text; labels that a dialogue carries are ignored."""

    @property
    def name(self) -> str: ...

    def label(self, dialogues: Sequence[Dialogue]) -> Iterator[EmotionLabels]:
        """The labels of every dialogue, in order, with their distribution where the model gives one."""
        ...


class TriggerDecoder(Protocol):
    """Names the triggers of flips, as one config says.

    `takes_all_cases`: give it all cases at once (it keeps its replies on disk itself) rather than chunk by chunk.
    `depends_on_batch`: the last digits of its support depend on which cases are predicted together.
    """

    @property
    def name(self) -> str: ...

    @property
    def config(self) -> InferenceConfig: ...

    @property
    def takes_all_cases(self) -> bool: ...

    @property
    def depends_on_batch(self) -> bool: ...

    def predict(self, cases: Sequence[FlipCase]) -> Iterator[Prediction]:
        """A prediction for every case, in order."""
        ...


def choose_decoder(model: Model, config: InferenceConfig) -> TriggerDecoder:
    """The decoder for a model and a config; InputError if the model cannot be decoded that way."""
    is_exact = config.decoding.kind == "exact"
    if model.reader is not None:
        if not is_exact or config.ask == "chain":
            raise InputError(
                model.name, "gives probabilities and writes nothing; expected exact decoding of the answer alone"
            )
        return ReadingDecoder(model.name, model.reader, config)
    if is_exact and model.sampler is not None:
        if config.ask == "chain":
            raise InputError(model.name, "scores whole replies, reasons included; exact decoding needs --ask answer")
        return SampleScoringDecoder(model.name, model.sampler, config, model.keeps_replies)
    if is_exact and model.scorer is not None:
        if config.ask == "chain" and model.chat is None:
            raise InputError(model.name, "scores replies but writes none; expected exact decoding of the answer alone")
        return ExactDecoder(model.name, model.scorer, model.chat, config)
    if is_exact:
        raise InputError(model.name, "cannot score replies; exact decoding needs a model that can, such as a local one")
    if model.rule is not None:
        return RuleDecoder(model.name, model.rule, config)
    if model.chat is None:
        raise InputError(model.name, "scores replies but writes none; expected exact decoding of the answer alone")
    return SampledDecoder(model.name, model.chat, config, model.keeps_replies)


def choose_labeler(model: Model, config: InferenceConfig, *, in_turns: bool = False) -> EmotionLabeler:
    """The labeler for a model; InputError if the model reads no text, as a rule.

    A model that scores replies gives a distribution for every utterance; where the layout asks for emotions in one
    reply, so does one that fills forms. One that only replies is asked one utterance at a time; or, `in_turns` and in
    the dialogue layout, many utterances in one reply.
    """
    if model.reader is not None:
        return ReadingLabeler(model.name, model.reader, config.emotion_weights, config.emotion_temperature)
    if model.scorer is not None:
        weights, temperature = config.emotion_weights, config.emotion_temperature
        scoring = ScoringLabeler(model.name, model.scorer, config.layout, weights, temperature)
        if config.layout.emotions_in_one_reply and model.forms is not None:
            return FormLabeler(model.name, model.forms, scoring, weights, temperature)
        return scoring
    if model.chat is None:
        raise InputError(model.name, "labels no emotions; expected a model that reads text")
    replying = ReplyingLabeler(model.name, model.chat, config.layout, config.decoding.max_new_tokens)
    return TurnLabeler(replying) if in_turns and config.layout.name == "dialogue" else replying


def emotion_reach(model: Model, config: InferenceConfig) -> int:
    """The number of utterances before another that its emotion depends on, for the labeler of `choose_labeler`."""
    if model.reader is not None:
        return model.reader.context
    if config.layout.name == "window":
        return (config.layout.emotion_window or config.layout.window) - 1
    return NUM_BEFORE - 1  # with one more, still all are shown, in every layout, and in one turn where turns are taken


def default_decoding(model: Model) -> DecodingKind:
    """Greedy; exact for a model that gives probabilities and writes no replies."""
    gives_probabilities = model.scorer is not None or model.reader is not None
    return "exact" if gives_probabilities and model.chat is None else "greedy"


def best_decoding(model: Model) -> Decoding:
    """Exact where the model gives probabilities, otherwise greedy."""
    return Decoding("exact") if model.scorer is not None or model.reader is not None else Decoding()
