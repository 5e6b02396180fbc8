"""Which evidence an analysis measures (inference/evidence.py, inference/word_evidence.py), and for which models."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from fliptrace.analysis.values import FoundFlip
from fliptrace.core.dialogue import Dialogue
from fliptrace.core.errors import InputError
from fliptrace.core.flips import Flip
from fliptrace.inference.config import InferenceConfig
from fliptrace.inference.evidence import Evidence, LeftOut, measure_evidence
from fliptrace.inference.overlong import Shortened
from fliptrace.inference.seams import choose_labeler, emotion_reach
from fliptrace.inference.word_evidence import WordEvidence, measure_words
from fliptrace.models.base import Model

NUM_FLIPS = 50  # of which the triggers are measured, the surest: more than anybody looks at

# `triggers` are those of the surest flips, `all` are all candidates of all flips. With `words`, those triggers and the
# words of the sources and targets of the same flips.
EvidenceFor = Literal["triggers", "all", "words", "none"]


def choose_evidence(asked: EvidenceFor | None, dialogue: Dialogue, model: Model) -> EvidenceFor:
    """What to measure: if nothing is asked for, triggers with a model that reads a dialogue again at little cost.

    InputError if evidence is asked for that cannot be measured.
    """
    if asked is None:
        return "none" if model.reader is None else "triggers"
    if asked != "none" and None not in dialogue.emotions:
        raise InputError(dialogue.id, "holds all emotions; evidence is measured on emotions that a model finds")
    if asked != "none" and model.reader is None and model.scorer is None:
        raise InputError(model.name, "gives no probabilities of emotions; evidence is measured on them")
    return asked


def with_evidence(
    flips: Sequence[FoundFlip],
    dialogue: Dialogue,
    emotion_scores: Sequence[Mapping[str, float] | None],
    model: Model,
    config: InferenceConfig,
    what: EvidenceFor,
    on_progress: Callable[[str, int, int], None],
) -> tuple[FoundFlip, ...]:
    """The flips with their evidence. There is none where the transcript gives the target's emotion.

    `dialogue` is what the model was shown.
    """
    measurable = [found for found in flips if emotion_scores[found.flip.target] is not None]
    asked = list(_left_out(measurable, what))
    if not asked:
        return tuple(flips)
    on_progress("evidence", 0, len(asked))
    measured = measure_evidence(choose_labeler(model, config), dialogue, asked, emotion_reach(model, config))
    on_progress("evidence", len(asked), len(asked))
    by_flip: dict[Flip, list[Evidence]] = {}
    for (flip, _), evidence in zip(asked, measured, strict=True):
        by_flip.setdefault(flip, []).append(evidence)
    return tuple(replace(found, evidence=tuple(by_flip.get(found.flip, ()))) for found in flips)


def find_words(
    flips: Sequence[FoundFlip],
    shown: Shortened,
    emotion_scores: Sequence[Mapping[str, float] | None],
    model: Model,
    config: InferenceConfig,
    on_progress: Callable[[str, int, int], None],
) -> tuple[WordEvidence, ...]:
    """The words that carry the emotions of sources and targets, as far as the model found these.

    `shown` is what the model was shown, with all emotions. Neutral utterances have no such words, and of those that
    were cut none are told.
    """
    dialogue = shown.dialogue
    places = {place for found in _surest(flips) for place in (found.flip.source, found.flip.target)}
    asked = [
        i
        for i in sorted(places - set(shown.cut))
        if emotion_scores[i] is not None and dialogue.emotions[i] != dialogue.emotion_set.neutral
    ]
    if not asked:
        return ()
    on_progress("words", 0, len(asked))
    found = measure_words(choose_labeler(model, config), dialogue, asked, emotion_reach(model, config))
    on_progress("words", len(asked), len(asked))
    return tuple(found)


def notes_on_evidence(flips: Sequence[FoundFlip], model: Model, config: InferenceConfig) -> Iterator[str]:
    """Say where the evidence is no surprise: a small model may judge every utterance by its own words alone."""
    if any(found.evidence for found in flips) and emotion_reach(model, config) == 0:
        yield f"{model.name} reads the emotion of every utterance alone, so leaving out another changes nothing"


def _left_out(flips: Sequence[FoundFlip], what: EvidenceFor) -> Iterator[LeftOut]:
    """Every utterance to leave out, in the order of a flip's utterances. A target stays: its emotion is measured."""
    if what == "none":
        return
    for found in flips if what == "all" else _surest(flips):
        named = found.candidates if what == "all" else found.triggers
        yield from (LeftOut(found.flip, i) for i in sorted(named) if i < found.flip.target)


def _surest(flips: Sequence[FoundFlip]) -> list[FoundFlip]:
    return sorted(flips, key=lambda found: -(found.probability or 0.0))[:NUM_FLIPS]
