"""Corrections of an analysis by people, and what they make of it. Values and pure functions; nothing is stored here.

An utterance has the emotion of its last correction, or else that of the analysis. Whether a flip lands on an utterance
is decided by the first of these that applies:

1. The last correction of the flip itself.
2. If the emotion of its source or its target was corrected: there is a flip if the two emotions differ.
3. The analysis.

Two equal emotions are never a flip: one that was added is gone while its emotions are equal. The triggers of a flip are
those that the analysis gave to the flip with the same target, changed by the corrections of its triggers. A flip that
the analysis did not find has unknown triggers until a correction names one, or says of one that it is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from fliptrace.analysis.values import AnalysisValues, FoundFlip
from fliptrace.core.dialogue import Dialogue
from fliptrace.core.errors import InputError
from fliptrace.core.files import Json
from fliptrace.core.flips import Flip, find_sources


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class EmotionCorrection(_Value):
    """What an utterance expresses."""

    kind: Literal["emotion"] = "emotion"
    utterance: int = Field(ge=0, description="Position of the utterance, from 0.")
    emotion: str = Field(max_length=100, description="One of the labels of the conversation's emotion set.")


class FlipCorrection(_Value):
    """Whether a flip lands on an utterance. Its source is the previous utterance of the same speaker."""

    kind: Literal["flip"] = "flip"
    target: int = Field(ge=0, description="Position of the utterance on which the flip lands, from 0.")
    is_flip: bool = Field(description="true adds the flip, false removes it.")


class TriggerCorrection(_Value):
    """Whether an utterance is a trigger of a flip."""

    kind: Literal["trigger"] = "trigger"
    target: int = Field(ge=0, description="Position of the utterance on which the flip lands, from 0.")
    utterance: int = Field(ge=0, description="Position of the trigger, at or before the target.")
    is_trigger: bool = Field(description="true adds the trigger, false removes it.")


Correction = Annotated[EmotionCorrection | FlipCorrection | TriggerCorrection, Field(discriminator="kind")]
_CORRECTION: TypeAdapter[Correction] = TypeAdapter(Correction)


@dataclass(frozen=True, slots=True)
class CorrectedFlip:
    """A flip of a corrected conversation. `triggers` is None where they are unknown, empty where there are none."""

    flip: Flip
    triggers: frozenset[int] | None


@dataclass(frozen=True, slots=True)
class CorrectedDialogue:
    """A dialogue with its corrected emotions, its flips ordered by target, and the utterances with a corrected emotion.

    `addable` are further flips that a correction could add, also ordered by target. The flips need not be those between
    the emotions of the dialogue: some were added or removed, and the analysis also reports flips by their probability
    (inference/flips.py).
    """

    dialogue: Dialogue
    flips: tuple[CorrectedFlip, ...]
    corrected: frozenset[int]
    addable: tuple[Flip, ...]


def read_correction(value: Json) -> Correction:
    """Read a correction from the JSON value that `model_dump` made of it."""
    return _CORRECTION.validate_python(value)


def apply_corrections(analysis: AnalysisValues, corrections: Sequence[Correction]) -> CorrectedDialogue:
    """Apply corrections in the order in which they were made. The rule stands at the top of this file.

    Corrections have to fit the analysis (`check_correction`); one that has become void, since later ones removed its
    flip, does nothing.
    """
    said = {each.utterance: each.emotion for each in corrections if isinstance(each, EmotionCorrection)}
    emotions = tuple(said.get(index, emotion) for index, emotion in enumerate(analysis.dialogue.emotions))
    dialogue = analysis.dialogue.with_emotions(emotions)
    speakers = dialogue.speakers
    decided = {each.target: each.is_flip for each in corrections if isinstance(each, FlipCorrection)}
    found = {each.flip.target: each for each in analysis.flips}
    triggers = _said_triggers(corrections)
    flips, addable = [], []
    for target, source in enumerate(find_sources(dialogue)):
        if source is None:
            continue
        is_touched = source in said or target in said
        before, after = _labels(emotions[source], emotions[target], None if is_touched else found.get(target))
        if before == after:
            continue
        flip = Flip(speakers[target], source, target, before, after)
        if decided.get(target, is_touched or target in found):
            known = found[target].triggers if target in found else None
            flips.append(CorrectedFlip(flip, _corrected_triggers(known, triggers.get(target, {}))))
        else:
            addable.append(flip)
    return CorrectedDialogue(dialogue, tuple(flips), frozenset(said), tuple(addable))


def check_correction(analysis: AnalysisValues, corrections: Sequence[Correction], new: Correction) -> None:
    """InputError if a correction cannot be made, after those made so far. One may also confirm."""
    if isinstance(new, EmotionCorrection):
        _check_index(analysis, new.utterance)
        labels = analysis.dialogue.emotion_set.labels
        if new.emotion not in labels:
            raise InputError(f"emotion {new.emotion!r}", f"unknown; expected one of {', '.join(labels)}")
        return
    _check_index(analysis, new.target)
    if isinstance(new, TriggerCorrection):
        _check_index(analysis, new.utterance)
        _check_trigger(apply_corrections(analysis, corrections), new)
    elif find_sources(analysis.dialogue)[new.target] is None:
        place = f"flip at utterance {new.target}"
        raise InputError(place, "the first utterance of its speaker; expected one after another of the same speaker")
    elif new.is_flip:
        corrected = apply_corrections(analysis, corrections)
        if new.target not in {each.target for each in (*corrected.addable, *(known.flip for known in corrected.flips))}:
            emotion = corrected.dialogue.emotions[new.target]
            message = f"{emotion} both there and at the speaker's previous utterance; expected different emotions"
            raise InputError(f"flip at utterance {new.target}", f"{message}: correct one of them")


def _check_index(analysis: AnalysisValues, index: int) -> None:
    if index >= len(analysis.dialogue):
        last = len(analysis.dialogue) - 1
        raise InputError(f"utterance {index}", f"not in the conversation; expected a position from 0 to {last}")


def _check_trigger(corrected: CorrectedDialogue, new: TriggerCorrection) -> None:
    if all(each.flip.target != new.target for each in corrected.flips):
        raise InputError(f"flip at utterance {new.target}", "there is none; expected the target of a flip")
    if new.utterance > new.target:
        place = f"trigger {new.utterance} of the flip at utterance {new.target}"
        raise InputError(place, "comes after the flip; expected an utterance at or before its target")


def _labels(before: str | None, after: str | None, found: FoundFlip | None) -> tuple[str, str]:
    """The labels of a flip: those that the analysis gave it, or else the emotions of its utterances."""
    if found is not None:
        return found.flip.before, found.flip.after
    assert before is not None and after is not None
    return before, after


def _said_triggers(corrections: Sequence[Correction]) -> dict[int, dict[int, bool]]:
    """What corrections say last of each utterance as a trigger, by the target of the flip."""
    said: dict[int, dict[int, bool]] = {}
    for each in corrections:
        if isinstance(each, TriggerCorrection):
            said.setdefault(each.target, {})[each.utterance] = each.is_trigger
    return said


def _corrected_triggers(known: frozenset[int] | None, said: Mapping[int, bool]) -> frozenset[int] | None:
    if known is None and not said:
        return None
    return frozenset(index for index in {*(known or ()), *said} if said.get(index, True))
