"""Asks a model that decided by scores for its own rationales, of the surest flips: what it writes takes time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from fliptrace.analysis.reasons import rationale_of
from fliptrace.core.flips import FlipCase
from fliptrace.inference.config import InferenceConfig
from fliptrace.inference.seams import choose_decoder
from fliptrace.inference.triggers import name_triggers
from fliptrace.models.base import Decoding, Model

NUM_RATIONALES = 20  # by default
_MAX_NEW_TOKENS = 192  # a rationale about five candidates has at most about 120


class Decided(NamedTuple):
    """A flip as the model was shown it, from utterance `start` of the transcript on, and what it decided.

    `triggers` count from `start`; `support` is that of the strongest candidate.
    """

    case: FlipCase
    start: int
    triggers: frozenset[int]
    support: float


def write_rationales(model: Model, config: InferenceConfig, decided: Sequence[Decided], most: int) -> dict[int, str]:
    """Rationales of at most `most` flips, by position: those whose triggers have the most support.

    Empty where the decision came with reasons, or the model writes none. A rationale that ends on other triggers than
    were decided is "".
    """
    if not (config.decoding.kind == "exact" and config.ask == "answer" and model.scorer and model.chat):
        return {}
    surest = sorted(range(len(decided)), key=lambda place: -decided[place].support)[:most]
    asking = replace(config, ask="chain", decoding=Decoding(max_new_tokens=_MAX_NEW_TOKENS))
    written = name_triggers(choose_decoder(model, asking), [decided[place].case for place in surest])
    rationales = {}
    for place, answered in zip(surest, written, strict=True):
        case, start, triggers, _ = decided[place]
        rationales[place] = rationale_of(answered.answers, triggers, case, config.layout, start)
    return rationales
