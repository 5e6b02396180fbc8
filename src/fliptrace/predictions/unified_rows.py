"""The rows of the unified task: one per dialogue, with its labelled and its predicted emotions and flips.

The fields are documented in docs/formats.md; rows.py reads files of all tasks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from fliptrace.core.emotion_sets import NEUTRAL
from fliptrace.core.files import Json
from fliptrace.core.flips import Flip
from fliptrace.core.messages import Answer
from fliptrace.core.voting import Vote
from fliptrace.predictions.fields import (
    answer_from_json,
    answer_to_json,
    flip_from_json,
    neutral_to_json,
    read_field,
    read_items,
    read_neutral,
    read_probability,
    read_remaining,
    read_set,
    read_shortened,
    shortened_to_json,
    vote_from_json,
    vote_to_json,
)


@dataclass(frozen=True, slots=True)
class GoldFlip:
    """A flip between labelled emotions.

    `triggers` is None if they are unlabelled. Labels before `known_from` are unknown.
    """

    flip: Flip
    triggers: frozenset[int] | None = None
    known_from: int = 0

    def to_json(self) -> Json:
        triggers = None if self.triggers is None else sorted(self.triggers)
        return asdict(self.flip) | {"triggers": triggers, "known_from": self.known_from}

    @classmethod
    def from_json(cls, row: Json) -> GoldFlip:
        return cls(flip_from_json(row), read_set(row, "triggers"), read_field(row, "known_from", int))


@dataclass(frozen=True, slots=True)
class PredictedFlip:
    """A flip between predicted emotions, and the triggers predicted for it.

    `num_dropped`, `num_shortened` and `remaining` are as in Prediction.
    """

    flip: Flip
    vote: Vote
    answers: tuple[Answer, ...]
    num_dropped: int = 0
    remaining: float | None = None
    num_shortened: int = 0
    probability: float | None = None

    def to_json(self) -> Json:
        return asdict(self.flip) | {
            **vote_to_json(self.vote),
            "answers": [answer_to_json(answer) for answer in self.answers],
            "num_dropped": self.num_dropped,
            "remaining": self.remaining,
            **({} if self.probability is None else {"probability": self.probability}),
            **shortened_to_json(self.num_shortened),
        }

    @classmethod
    def from_json(cls, row: Json) -> PredictedFlip:
        return cls(
            flip=flip_from_json(row),
            vote=vote_from_json(row),
            answers=tuple(answer_from_json(answer) for answer in read_items(row, "answers", dict)),
            num_dropped=read_field(row, "num_dropped", int),
            remaining=read_remaining(row),
            num_shortened=read_shortened(row),
            probability=read_probability(row, "probability"),
        )


@dataclass(frozen=True, slots=True)
class UnifiedPrediction:
    """A model's predictions for one dialogue from its bare text, with the labels.

    `gold` has None for unlabelled utterances. Utterances before `counted_from` are also part of an earlier row and are
    scored there. `num_unparsed` of the emotions are fillers for replies that could not be read; `unparsed` are the
    first of these replies. Of `num_shortened` utterances the model read the beginning only, when it labelled them.
    `neutral`: the label of utterances without emotion.
    """

    id: str
    group: str
    corpus: str
    split: str
    speakers: tuple[str, ...]
    gold: tuple[str | None, ...]
    emotions: tuple[str, ...]
    gold_flips: tuple[GoldFlip, ...]
    flips: tuple[PredictedFlip, ...]
    counted_from: int = 0
    num_unparsed: int = 0
    unparsed: tuple[str, ...] = ()
    num_shortened: int = 0
    neutral: str = NEUTRAL

    def __post_init__(self) -> None:
        num_utterances = len(self.speakers)
        if not num_utterances == len(self.gold) == len(self.emotions):
            raise ValueError(
                f"dialogue {self.id!r}: {num_utterances} speakers, {len(self.gold)} gold and "
                f"{len(self.emotions)} predicted emotions; expected as many of each"
            )
        if not 0 <= self.counted_from <= num_utterances:
            raise ValueError(f"dialogue {self.id!r}: counted_from is {self.counted_from}; expected 0..{num_utterances}")
        for fault in self._faults():
            raise ValueError(f"dialogue {self.id!r}: {fault}")

    def _faults(self) -> Iterator[str]:
        """Messages on what is wrong with the flips."""
        for name, flips, emotions in (("gold", self.gold_flips, self.gold), ("predicted", self.flips, self.emotions)):
            targets = [each.flip.target for each in flips]
            if targets != sorted(set(targets)):
                yield f"{name} flips have targets {targets}; expected each once, in ascending order"
            for flip in (each.flip for each in flips):
                if flip.target >= len(self.speakers):
                    yield f"{name} flip with target {flip.target}; expected 0..{len(self.speakers) - 1}"
                elif not _matches(flip, emotions, name):
                    yield f"{name} flip with target {flip.target}: expected it to match the {name} emotions"
        for each in self.flips:
            if len(each.vote.support) != len(self.speakers):
                yield f"support for {len(each.vote.support)} utterances; expected {len(self.speakers)}"
        for gold in self.gold_flips:
            outside = sorted(i for i in gold.triggers or () if not 0 <= i <= gold.flip.target)
            if outside:
                yield f"gold triggers {outside}; expected 0..{gold.flip.target}, the target"
            if not 0 <= gold.known_from <= gold.flip.target:
                yield f"gold flip with known_from {gold.known_from}; expected 0..{gold.flip.target}"

    def to_json(self) -> Json:
        return {
            "task": "unified",
            "id": self.id,
            "group": self.group,
            "corpus": self.corpus,
            "split": self.split,
            "speakers": list(self.speakers),
            "gold": list(self.gold),
            "emotions": list(self.emotions),
            "gold_flips": [flip.to_json() for flip in self.gold_flips],
            "flips": [flip.to_json() for flip in self.flips],
            "counted_from": self.counted_from,
            "num_unparsed": self.num_unparsed,
            "unparsed": list(self.unparsed),
            **shortened_to_json(self.num_shortened),
            **neutral_to_json(self.neutral),
        }

    @classmethod
    def from_json(cls, row: Json) -> UnifiedPrediction:
        """The inverse of `to_json`; KeyError, TypeError or ValueError where the row is not one."""
        return cls(
            id=read_field(row, "id", str),
            group=read_field(row, "group", str),
            corpus=read_field(row, "corpus", str),
            split=read_field(row, "split", str),
            speakers=read_items(row, "speakers", str),
            gold=read_items(row, "gold", str, type(None)),
            emotions=read_items(row, "emotions", str),
            gold_flips=tuple(map(GoldFlip.from_json, read_items(row, "gold_flips", dict))),
            flips=tuple(map(PredictedFlip.from_json, read_items(row, "flips", dict))),
            counted_from=read_field(row, "counted_from", int),
            num_unparsed=read_field(row, "num_unparsed", int),
            unparsed=read_items({"unparsed": []} | row, "unparsed", str),
            num_shortened=read_shortened(row),
            neutral=read_neutral(row),
        )


def _matches(flip: Flip, emotions: Sequence[str | None], name: str) -> bool:
    """Whether a flip has the labels of its utterances.

    A model may report one between two utterances with the same likeliest label (inference/flips.py): neither label is
    certain, and a change is likely. Gold labels are certain.
    """
    source, target = emotions[flip.source], emotions[flip.target]
    return (source, target) == (flip.before, flip.after) or (name == "predicted" and source == target)
