"""The baselines of a study: fitted on the very cases that the language models learned from, and asked like them.

They predict alone; what the predictions are worth is for metrics.py, as of any other cell.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NamedTuple

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json
from fliptrace.core.flips import FlipCase
from fliptrace.inference.triggers import InferenceConfig, name_triggers
from fliptrace.models.classical.boosted_trees import fit_trigger_trees
from fliptrace.models.classical.trigger_words import fit_trigger_words
from fliptrace.models.rules import RULES, Rule
from fliptrace.predictions.rows import Prediction
from fliptrace.study.classical_predictions import SupportModel, predict_by_support
from fliptrace.training.encoder.model import EncoderSpec, fit_encoder


class BaselineKind(NamedTuple):
    """What a baseline is called; and whether another seed could make another model of it."""

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


@dataclass(frozen=True, slots=True)
class Baseline:
    """A fitted baseline. `cost` is what fitting an encoder took (training/encoder/model.py), None for the others."""

    name: str
    cost: Json | None
    _model: Rule | SupportModel

    def predict(self, cases: Sequence[FlipCase]) -> list[Prediction]:
        """A prediction for every case, in order; where there is support, named is what has at least 0.5."""
        if isinstance(self._model, Rule):
            return list(name_triggers(self._model, cases, InferenceConfig()))
        return predict_by_support(self._model, cases)


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
    """Fit the baseline of that name on `train`, to weigh the last `window` utterances; rules learn nothing.

    An encoder is saved to `folder`, and built from nothing unless `encoder` names one; `window` overrides its own.
    InputError where the name is not known (the nearest is told), or the cases teach nothing.
    """
    if name in RULES:
        return Baseline(name, None, RULES[name])
    if name == "words":
        return Baseline(name, None, fit_trigger_words(train, window=window))
    if name == "trees":
        return Baseline(name, None, fit_trigger_trees(train, window=window, seed=seed))
    if name == "encoder":
        spec = replace(encoder or EncoderSpec(), window=window)
        fitted = fit_encoder(train, spec, folder, seed, on_step)
        return Baseline(name, asdict(fitted.cost), fitted)
    nearest = difflib.get_close_matches(name, BASELINES, n=1, cutoff=0)[0]
    raise InputError(f"baseline {name!r}", f"not known; did you mean {nearest!r}?")
