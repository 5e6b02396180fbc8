"""Evidence that can be checked: how likely the emotion at a flip's target is if one utterance is left out.

The other utterances keep their order and speakers, and the target is labelled again. This measures the model, not the
speaker: a model may name a trigger for its position, and not for what it says. Which evidence an analysis measures is
decided in analysis/evidence.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.flips import Flip
from fliptrace.inference.flips import DIGITS

if TYPE_CHECKING:
    from fliptrace.inference.seams import EmotionLabeler

# A smaller change of a probability counts as none: whatever an utterance says, without it the older ones stand one
# place nearer to the target, and that alone moves the probability a little. Set by hand, not measured.
NO_CHANGE = 0.05


@dataclass(frozen=True, slots=True)
class Evidence:
    """The probability of a flip's new emotion at its target: with all utterances, and without `left_out`."""

    left_out: int
    with_it: float
    without_it: float

    def __post_init__(self) -> None:
        if not (0 <= self.with_it <= 1 and 0 <= self.without_it <= 1):
            raise ValueError(f"evidence of {self.with_it} and {self.without_it}: expected probabilities from 0 to 1")

    @property
    def change(self) -> float:
        """What leaving the utterance out does to the probability; negative if the emotion depends on it."""
        return round(self.without_it - self.with_it, DIGITS)

    @property
    def matters(self) -> bool:
        return abs(self.change) >= NO_CHANGE


class LeftOut(NamedTuple):
    """A flip, and the position of the utterance to leave out."""

    flip: Flip
    utterance_index: int


def measure_evidence(
    labeler: EmotionLabeler, dialogue: Dialogue, asked: Sequence[LeftOut], reach: int
) -> list[Evidence]:
    """Measure what each utterance changes, in order, for a labeler that gives distributions.

    `reach` is the number of utterances that an emotion depends on, besides its own (seams.emotion_reach); what was said
    earlier is not read again. All dialogues are labelled in one call, equal ones once. ValueError if an utterance is
    the target of its flip, or follows it.
    """
    wrong = [each for each in asked if not 0 <= each.utterance_index < each.flip.target]
    if wrong:
        raise ValueError(f"utterance {wrong[0].utterance_index} left out; expected one before {wrong[0].flip.target}")
    whole = [bare_end(dialogue, flip.target, reach) for flip, _ in asked]
    partial = [bare_end(dialogue, flip.target, reach, index) for flip, index in asked]
    distinct = {cut.utterances: cut for cut in (*whole, *partial)}
    at_target = {}
    for said, labels in zip(distinct, labeler.label(list(distinct.values())), strict=True):
        assert labels.scores is not None
        at_target[said] = labels.scores[-1]
    evidence = []
    for (flip, index), with_it, without_it in zip(asked, whole, partial, strict=True):
        column = dialogue.emotion_set.labels.index(flip.after)
        shares = (at_target[cut.utterances][column] for cut in (with_it, without_it))
        evidence.append(Evidence(index, *(round(min(share, 1.0), DIGITS) for share in shares)))
    return evidence


def bare_end(dialogue: Dialogue, target: int, reach: int, left_out: int | None = None) -> Dialogue:
    """The bare dialogue up to the target, from one utterance before those in reach: with one left out, it moves up."""
    kept = [i for i in range(max(0, target - reach - 1), target + 1) if i != left_out]
    said = (dialogue.utterances[i] for i in kept)
    name = f"{dialogue.id}/{target}" if left_out is None else f"{dialogue.id}/{target}/without {left_out}"
    return replace(dialogue, id=name, utterances=tuple(Utterance(u.speaker, u.text, cues=u.cues) for u in said))
