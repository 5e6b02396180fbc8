"""The values of an analysis: the emotions of one dialogue, its flips, and for each its triggers and a reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.flips import Flip, consequences
from fliptrace.core.support import Support
from fliptrace.cues.values import UtteranceCues
from fliptrace.inference.evidence import Evidence
from fliptrace.inference.word_evidence import WordEvidence
from fliptrace.models.checkpoints import FlipShare


@dataclass(frozen=True, slots=True)
class FoundFlip:
    """A flip with its triggers and a reason. `support[i]`, 0 to 1, is the support for utterance i as a trigger.

    `probability` is that of a change of emotion between source and target (inference/flips.py); None if the model gives
    none. `flip` has the most probable pair of different labels; the dialogue has the likeliest label of each utterance.
    `reason_by` says whether `reason` is the model's own rationale or a sentence built from the decision ("template").
    `evidence` is what the model says without one of the utterances, in their order, as far as it was measured.
    """

    flip: Flip
    triggers: frozenset[int]
    support: Support
    reason: str
    reason_by: Literal["model", "template"] = "template"
    probability: float | None = None
    evidence: tuple[Evidence, ...] = ()

    def __post_init__(self) -> None:
        if self.probability is not None and not 0 <= self.probability <= 1:
            raise ValueError(f"probability {self.probability} of a flip: expected 0 to 1")
        if not all(0 <= i <= self.flip.target < len(self.support) for i in (*self.triggers, 0)):
            raise ValueError(
                f"triggers {sorted(self.triggers)} of the flip at {self.flip.target}: expected positions from 0 to the "
                f"target, in a dialogue of {len(self.support)} utterances"
            )
        left_out = [each.left_out for each in self.evidence]
        if not all(0 <= i < self.flip.target for i in left_out) or left_out != sorted(set(left_out)):
            raise ValueError(
                f"evidence without utterances {left_out} for the flip at {self.flip.target}: expected positions before "
                "the target, each once, ascending"
            )

    @property
    def candidates(self) -> Mapping[int, float]:
        """The utterances that are named or have any support, ascending, with their support."""
        named = {i: self.support[i] for i in self.triggers}
        return dict(sorted({**self.support.shares, **named}.items()))


@dataclass(frozen=True, slots=True)
class AnalysisValues:
    """One dialogue with an emotion for every utterance, and its flips in the order of their targets.

    `emotion_scores[i]` is the probability of each label at utterance i; None if the transcript gave the emotion or the
    model gives no probabilities. `notes` say what a reader should know about how the analysis was made (speakers made
    up, labels given). `format` is that of the transcript; "" if it was not a file. `flip_threshold` is the probability
    from which flips are reported; None where they are reported wherever the likeliest labels differ. Emotions with a
    probability below `uncertain_below` are uncertain, and so are those of `unfamiliar_speakers`, who mostly say words
    that the model was not trained on. `words` are those that carry an emotion, by utterance and place, as far as they
    were measured. `flip_shares` say how often flips of a certain probability were flips on the model's val data.
    `measured` are the cues of each utterance from a recording or a table, or empty; no model has read them.
    """

    dialogue: Dialogue
    emotion_scores: tuple[Mapping[str, float] | None, ...]
    flips: tuple[FoundFlip, ...]
    model: str
    threshold: float
    notes: tuple[str, ...] = ()
    format: str = ""
    flip_threshold: float | None = None
    uncertain_below: float | None = None
    unfamiliar_speakers: tuple[str, ...] = ()
    words: tuple[WordEvidence, ...] = ()
    flip_shares: tuple[FlipShare, ...] = ()
    measured: tuple[UtteranceCues, ...] = ()

    def __post_init__(self) -> None:
        if len(self.emotion_scores) != len(self.dialogue) or None in self.dialogue.emotions:
            raise ValueError(f"dialogue {self.dialogue.id!r}: expected an emotion and its scores for every utterance")
        if unknown := set(self.unfamiliar_speakers) - set(self.dialogue.speakers):
            raise ValueError(f"unfamiliar speaker {min(unknown)!r}; expected one of the dialogue")
        if len(self.measured) not in (0, len(self.dialogue)):
            raise ValueError(f"cues of {len(self.measured)} utterances in a dialogue of {len(self.dialogue)}")
        self._check_words()

    def _check_words(self) -> None:
        """ValueError if words overlap, are out of order or outside of their utterance."""
        last = (-1, 0)
        for word in self.words:
            index = word.utterance_index
            if not 0 <= index < len(self.dialogue) or word.end > len(self.dialogue.utterances[index].text):
                raise ValueError(f"a word at {word.start} to {word.end} of utterance {index}, which does not have it")
            if (index, word.start) < last:
                raise ValueError(f"a word at {word.start} of utterance {index} overlaps or precedes the one before it")
            last = (index, word.end)

    @property
    def uncertain(self) -> tuple[bool, ...]:
        """Whether the emotion of each utterance is uncertain; an emotion that the transcript gave never is."""
        below, unfamiliar = self.uncertain_below or 0.0, set(self.unfamiliar_speakers)
        return tuple(
            scores is not None and (scores.get(each.emotion or "", 0.0) < below or each.speaker in unfamiliar)
            for scores, each in zip(self.emotion_scores, self.dialogue.utterances, strict=True)
        )

    def cue_words(self, utterance_index: int) -> tuple[str, ...]:
        """The measured cues of an utterance in words."""
        return self.measured[utterance_index].words if self.measured else ()

    def words_in(self, utterance_index: int) -> tuple[WordEvidence, ...]:
        """The words of an utterance that carry its emotion, in order."""
        return tuple(word for word in self.words if word.utterance_index == utterance_index)

    @property
    def consequences(self) -> dict[Flip, tuple[Flip, ...]]:
        """The later flips that each flip's target triggered."""
        return consequences({found.flip: found.triggers for found in self.flips})
