"""The prediction file: one self-contained row a case or a dialogue, in input order. Scoring needs nothing else.

The fields are documented in docs/formats.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json, read_json, read_jsonl, rename_key
from fliptrace.core.flips import Flip, FlipCase
from fliptrace.core.messages import Answer
from fliptrace.core.voting import Vote
from fliptrace.predictions.fields import (
    answer_from_json,
    answer_to_json,
    flip_from_json,
    read_field,
    read_items,
    read_remaining,
    read_set,
    vote_from_json,
    vote_to_json,
)
from fliptrace.predictions.unified_rows import UnifiedPrediction

EmotionsFrom = Literal["gold", "predicted"]  # the first two of the three experiments; the third is the unified task


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model answered to one flip case, with all that scoring it takes. `gold` is None where unlabelled.

    Where the model judged its own answers, `drafts` are those before and `verdicts` what it held of them (None:
    it did not say), one a sample; else both are empty. `num_dropped`: the oldest utterances that did not fit.
    `remaining`: where answers were weighed, the probability, 0 to 1, of all that was not asked about.
    `emotions_from` tells whether `emotions` are the labels or a model's own; the flip is one of the labels' either way.
    """

    id: str
    dialogue_id: str
    group: str
    corpus: str
    split: str
    speakers: tuple[str, ...]
    emotions: tuple[str | None, ...]
    flip: Flip
    known_from: int
    gold: frozenset[int] | None
    vote: Vote
    answers: tuple[Answer, ...]
    drafts: tuple[Answer, ...] = ()
    verdicts: tuple[bool | None, ...] = ()
    num_dropped: int = 0
    remaining: float | None = None
    emotions_from: EmotionsFrom = "gold"

    def __post_init__(self) -> None:
        num_utterances, target = len(self.speakers), self.flip.target
        if not num_utterances == len(self.emotions) == len(self.vote.support):
            raise ValueError(
                f"case {self.id!r}: {num_utterances} speakers, {len(self.emotions)} emotions and support for "
                f"{len(self.vote.support)} utterances"
            )
        if target >= num_utterances:
            raise ValueError(f"case {self.id!r}: the target {target} is not among its {num_utterances} utterances")
        if not 0 <= self.known_from <= target:
            raise ValueError(f"case {self.id!r}: labels known from {self.known_from}, expected 0..{target}")
        outside = sorted(i for i in self.gold or () if not 0 <= i <= target)
        if outside:
            raise ValueError(f"case {self.id!r}: gold {outside} lies outside 0..{target}, the target")
        if self.remaining is not None and not 0 <= self.remaining <= 1:
            raise ValueError(f"case {self.id!r}: remaining {self.remaining}, expected 0 to 1")
        if len(self.drafts) != len(self.verdicts) or (self.drafts and len(self.drafts) != len(self.answers)):
            raise ValueError(
                f"case {self.id!r}: {len(self.answers)} answers, {len(self.drafts)} drafts, "
                f"{len(self.verdicts)} verdicts"
            )

    @classmethod
    def of(
        cls,
        case: FlipCase,
        vote: Vote,
        answers: Sequence[Answer],
        drafts: Sequence[Answer] = (),
        verdicts: Sequence[bool | None] = (),
        num_dropped: int = 0,
        remaining: float | None = None,
        emotions_from: EmotionsFrom = "gold",
    ) -> Prediction:
        dialogue = case.dialogue
        return cls(
            id=case.id,
            dialogue_id=dialogue.id,
            group=dialogue.group,
            corpus=dialogue.corpus,
            split=dialogue.split,
            speakers=dialogue.speakers,
            emotions=dialogue.emotions,
            flip=case.flip,
            known_from=case.known_from,
            gold=case.triggers,
            vote=vote,
            answers=tuple(answers),
            drafts=tuple(drafts),
            verdicts=tuple(verdicts),
            num_dropped=num_dropped,
            remaining=remaining,
            emotions_from=emotions_from,
        )

    def to_json(self) -> Json:
        return {
            "task": "trigger",
            "id": self.id,
            "dialogue": self.dialogue_id,
            "group": self.group,
            "corpus": self.corpus,
            "split": self.split,
            "speakers": list(self.speakers),
            "emotions": list(self.emotions),
            "flip": asdict(self.flip),
            "known_from": self.known_from,
            "gold": None if self.gold is None else sorted(self.gold),
            **vote_to_json(self.vote),
            "answers": [answer_to_json(answer) for answer in self.answers],
            "drafts": [answer_to_json(answer) for answer in self.drafts],
            "verdicts": list(self.verdicts),
            "num_dropped": self.num_dropped,
            "remaining": self.remaining,
            "emotions_from": self.emotions_from,
        }

    @classmethod
    def from_json(cls, row: Json) -> Prediction:
        """The inverse of `to_json`; KeyError, TypeError or ValueError where the row is not one."""
        return cls(
            id=read_field(row, "id", str),
            dialogue_id=read_field(row, "dialogue", str),
            group=read_field(row, "group", str),
            corpus=read_field(row, "corpus", str),
            split=read_field(row, "split", str),
            speakers=read_items(row, "speakers", str),
            emotions=read_items(row, "emotions", str, type(None)),
            flip=flip_from_json(read_field(row, "flip", dict)),
            known_from=read_field(row, "known_from", int),
            gold=read_set(row, "gold"),
            vote=vote_from_json(row),
            answers=tuple(answer_from_json(answer) for answer in read_items(row, "answers", dict)),
            drafts=tuple(answer_from_json(answer) for answer in read_items(row, "drafts", dict)),
            verdicts=read_items(row, "verdicts", bool, type(None)),
            num_dropped=read_field(row, "num_dropped", int),
            remaining=read_remaining(row),
            emotions_from=_emotions_from(row),
        )


@dataclass(frozen=True, slots=True)
class EmotionPrediction:
    """The emotions a model gave to one dialogue, an utterance each; `gold` holds None where unlabelled.

    `num_unparsed` of them stand for replies that could not be read.
    """

    id: str
    group: str
    corpus: str
    split: str
    speakers: tuple[str, ...]
    gold: tuple[str | None, ...]
    emotions: tuple[str, ...]
    num_unparsed: int = 0

    def __post_init__(self) -> None:
        if not len(self.speakers) == len(self.gold) == len(self.emotions):
            raise ValueError(
                f"dialogue {self.id!r}: {len(self.speakers)} speakers, {len(self.gold)} gold and "
                f"{len(self.emotions)} predicted emotions"
            )

    def to_json(self) -> Json:
        return {"task": "emotion"} | {
            name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, row: Json) -> EmotionPrediction:
        """The inverse of `to_json`; KeyError, TypeError or ValueError where the row is not one."""
        return cls(
            id=read_field(row, "id", str),
            group=read_field(row, "group", str),
            corpus=read_field(row, "corpus", str),
            split=read_field(row, "split", str),
            speakers=read_items(row, "speakers", str),
            gold=read_items(row, "gold", str, type(None)),
            emotions=read_items(row, "emotions", str),
            # Files written before it was counted have no `num_unparsed`.
            num_unparsed=read_field({"num_unparsed": 0} | row, "num_unparsed", int),
        )


def manifest_path(path: Path) -> Path:
    """Where the manifest of a prediction file lies: beside it."""
    return path.with_name(f"{path.stem}.manifest.json")


def read_manifest(path: Path) -> Json:
    """What a prediction file was made with (docs/formats.md); empty where it came without a manifest."""
    manifest = manifest_path(path)
    return rename_key(read_json(manifest), "reading", "inference") if manifest.exists() else {}


def read_predictions(path: Path) -> list[Prediction] | list[EmotionPrediction] | list[UnifiedPrediction]:
    """The rows of one prediction file, all of one task, no id twice; InputError names the line that is wrong."""
    rows: dict[str, list[Any]] = {task: [] for task in _ROWS}
    seen: dict[str, int] = {}
    for line, row in read_jsonl(path):
        place = f"{path} line {line}"
        task = row.get("task")
        if not isinstance(task, str) or task not in _ROWS:
            raise InputError(place, f"task {task!r}; expected {', '.join(map(repr, _ROWS))}")
        try:
            rows[task].append(_ROWS[task].from_json(row))
        except KeyError as error:
            raise InputError(place, f"no field {error.args[0]!r}; not a row of a prediction file") from error
        except (TypeError, ValueError) as error:
            raise InputError(place, str(error)) from error
        if row["id"] in seen:
            raise InputError(place, f"id {row['id']!r} stands on line {seen[row['id']]} already")
        seen[row["id"]] = line
    found = [of_task for of_task in rows.values() if of_task]
    if len(found) > 1:
        raise InputError(path, "rows of two tasks; expected one prediction file a task")
    if not found:
        raise InputError(path, "no predictions in it")
    return found[0]


_ROWS: Mapping[str, type[Prediction] | type[EmotionPrediction] | type[UnifiedPrediction]] = {
    "trigger": Prediction,
    "emotion": EmotionPrediction,
    "unified": UnifiedPrediction,
}


def _emotions_from(row: Json) -> EmotionsFrom:
    """Files written before the experiments were told apart have no `emotions_from`."""
    said = row.get("emotions_from", "gold")
    if said not in get_args(EmotionsFrom):
        raise ValueError(f"emotions_from is {said!r}; expected {' or '.join(map(repr, get_args(EmotionsFrom)))}")
    return cast(EmotionsFrom, said)
