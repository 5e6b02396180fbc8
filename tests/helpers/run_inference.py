"""Run inference with a model and a config in one call. Labeler and decoder are chosen as the commands choose them.

`model` may be a `Model`, any class with `as_model`, or a test double with some of the methods that models have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.files import Json
from fliptrace.core.flips import FlipCase
from fliptrace.corpora.longest_prefixes import LongestPrefix
from fliptrace.inference import task_files, triggers, unified
from fliptrace.inference.config import InferenceConfig
from fliptrace.inference.emotions import LABEL_TOKENS, EmotionLabels
from fliptrace.inference.seams import choose_decoder, choose_labeler
from fliptrace.inference.task_files import Relabelled
from fliptrace.inference.triggers import PredictedFile
from fliptrace.inference.unified import UnifiedResult
from fliptrace.models.base import Decoding, Model
from fliptrace.predictions.rows import EmotionPrediction, Prediction
from fliptrace.predictions.unified_rows import UnifiedPrediction
from fliptrace.predictions.writer import Written
from fliptrace.prompts.views import Layout

OnProgress = Callable[[int], None]


def ignore(num_done: int) -> None: ...


def as_model(model: Any) -> Model:
    if isinstance(model, Model):
        return model
    if hasattr(model, "as_model"):
        made: Model = model.as_model()
        return made
    abilities = {
        "chat": "complete",
        "scorer": "score_replies",
        "sampler": "sample_with_logprobs",
        "rule": "name_triggers",
    }
    return Model(model.name, **{name: model for name, method in abilities.items() if hasattr(model, method)})


def name_triggers(
    model: Any, cases: Sequence[FlipCase], config: InferenceConfig, num_done: int = 0
) -> Iterator[Prediction]:
    return triggers.name_triggers(choose_decoder(as_model(model), config), cases, num_done)


def predict_file(
    model: Any,
    cases: Sequence[FlipCase],
    config: InferenceConfig,
    path: Path,
    data: Json,
    on_progress: OnProgress = ignore,
) -> PredictedFile:
    return triggers.predict_file(choose_decoder(as_model(model), config), cases, path, data, on_progress)


def label_emotions(
    model: Any, dialogues: Sequence[Dialogue], layout: Layout, weights: Mapping[str, float] | None = None
) -> Iterator[EmotionLabels]:
    config = InferenceConfig(
        layout, decoding=Decoding(max_new_tokens=LABEL_TOKENS), emotion_weights=dict(weights or {})
    )
    return choose_labeler(as_model(model), config).label(dialogues)


def label_in_turns(
    model: Any, dialogues: Sequence[Dialogue], layout: Layout, max_new_tokens: int = 512
) -> list[EmotionLabels]:
    config = InferenceConfig(layout, decoding=Decoding(max_new_tokens=max_new_tokens))
    return list(choose_labeler(as_model(model), config, in_turns=True).label(dialogues))


def predict_unified(model: Any, dialogues: Sequence[Dialogue], config: InferenceConfig) -> Iterator[UnifiedResult]:
    labeler = choose_labeler(as_model(model), config, in_turns=True)
    return unified.predict_unified(labeler, choose_decoder(as_model(model), config), dialogues)


def relabel_cases(model: Any, cases: Sequence[FlipCase], config: InferenceConfig) -> Relabelled:
    return task_files.relabel_cases(choose_labeler(as_model(model), config), cases)


def predict_emotions_file(
    model: Any,
    prefixes: Sequence[LongestPrefix],
    config: InferenceConfig,
    path: Path,
    data: Json,
    on_progress: OnProgress = ignore,
) -> Written[EmotionPrediction]:
    labeler = choose_labeler(as_model(model), config)
    return task_files.predict_emotions_file(labeler, prefixes, config, path, data, on_progress)


def predict_unified_file(
    model: Any,
    prefixes: Sequence[LongestPrefix],
    config: InferenceConfig,
    path: Path,
    data: Json,
    on_progress: OnProgress = ignore,
) -> Written[UnifiedPrediction]:
    labeler = choose_labeler(as_model(model), config, in_turns=True)
    decoder = choose_decoder(as_model(model), config)
    return task_files.predict_unified_file(labeler, decoder, prefixes, path, data, on_progress)
