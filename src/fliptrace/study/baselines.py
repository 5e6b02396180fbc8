"""The baselines of a study: fitted on the same cases as the language models, and used for prediction in the same way.

This module only predicts. As for any other cell, metrics.py scores the predictions.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json
from fliptrace.core.flips import FlipCase
from fliptrace.inference.config import InferenceConfig
from fliptrace.inference.seams import choose_decoder
from fliptrace.inference.triggers import name_triggers
from fliptrace.models.classical.boosted_trees import fit_trigger_trees
from fliptrace.models.classical.trigger_words import fit_trigger_words
from fliptrace.models.rules import RULES
from fliptrace.predictions.rows import Prediction
from fliptrace.training.encoder.model import EncoderSpec, fit_encoder


class BaselineKind(NamedTuple):
    """The title of a baseline, and whether another seed could give another model."""

    title: str
    has_seed: bool


BASELINES: Mapping[str, BaselineKind] = {
    "previous": BaselineKind("rule: the utterance before the target", has_seed=False),
    "previous-or-self": BaselineKind("rule: the one before if another speaker's, else the target", has_seed=False),
    "previous-plus-self": BaselineKind("rule: the one before, and the target where it talks on", has_seed=False),
    "words": BaselineKind("TF-IDF and logistic regression on words and distance", has_seed=False),
    "trees": BaselineKind("boosted trees on emotions and structure", has_seed=True),
    "encoder": BaselineKind("encoder over each candidate, its words and all emotions", has_seed=True),
}


class SupportModel(Protocol):
    """A model that gives every utterance its support at once, instead of answers: trees, words, an encoder."""

    def supports(self, cases: Sequence[FlipCase]) -> tuple[tuple[float, ...], ...]:
        """For every case, how likely each utterance of its dialogue is a trigger, from 0 to 1."""
        ...


def predict_by_support(model: SupportModel, cases: Sequence[FlipCase], threshold: float = 0.5) -> list[Prediction]:
    """Predict every case; utterances with a support of at least `threshold` are named."""
    supports = model.supports(cases)
    return [Prediction.by_support(case, support, threshold) for case, support in zip(cases, supports, strict=True)]


@dataclass(frozen=True, slots=True)
class Baseline:
    """A fitted baseline. `cost` is the cost of fitting an encoder (training/encoder/model.py), None for the others."""

    name: str
    cost: Json | None
    predict: Callable[[Sequence[FlipCase]], list[Prediction]]  # a prediction for every case, in order


def fit_baseline(
    name: str,
    train: Sequence[FlipCase],
    *,
    window: int,
    seed: int,
    folder: Path,
    encoder: EncoderSpec | None = None,
    on_step: Callable[[int, int], None] = lambda step, num_steps: None,
) -> Baseline:
    """Fit the named baseline on `train`, to score the last `window` utterances. Rules learn nothing.

    An encoder is saved to `folder`. It is trained from scratch unless `encoder` names a base; `window` overrides the
    window of `encoder`. InputError where the name is unknown (the message names the nearest known one), or where
    nothing can be learned from the cases.
    """
    if name in RULES:
        decoder = choose_decoder(RULES[name].as_model(), InferenceConfig())
        return Baseline(name, None, lambda cases: list(name_triggers(decoder, cases)))
    if name == "words":
        return Baseline(name, None, partial(predict_by_support, fit_trigger_words(train, window=window)))
    if name == "trees":
        return Baseline(name, None, partial(predict_by_support, fit_trigger_trees(train, window=window, seed=seed)))
    if name == "encoder":
        spec = replace(encoder or EncoderSpec(), window=window)
        fitted = fit_encoder(train, spec, folder, seed, on_step)
        return Baseline(name, asdict(fitted.cost), partial(predict_by_support, fitted))
    nearest = difflib.get_close_matches(name, BASELINES, n=1, cutoff=0)[0]
    raise InputError(f"baseline {name!r}", f"not known; did you mean {nearest!r}?")
