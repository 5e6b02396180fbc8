"""The prediction file: one self-contained row a case or a dialogue, in input order. Scoring needs nothing else.

The fields are documented in docs/formats.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from fliptrace.errors import InputError
from fliptrace.flips import Flip, FlipCase
from fliptrace.messages import Answer
from fliptrace.store import Json, read_jsonl
from fliptrace.voting import Vote


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model answered to one flip case, with all that scoring it takes. `gold` is None where unlabelled.

    Where the model judged its own answers, `drafts` are those before and `verdicts` what it held of them (None:
    it did not say), one a sample; else both are empty. `num_dropped`: the oldest utterances that did not fit.
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

    @classmethod
    def of(
        cls,
        case: FlipCase,
        vote: Vote,
        answers: Sequence[Answer],
        drafts: Sequence[Answer] = (),
        verdicts: Sequence[bool | None] = (),
        num_dropped: int = 0,
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
            "triggers": sorted(self.vote.triggers),
            "support": [round(share, 6) for share in self.vote.support],
            "num_valid": self.vote.num_valid,
            "num_samples": self.vote.num_samples,
            "answers": [_answer_to_json(answer) for answer in self.answers],
            "drafts": [_answer_to_json(answer) for answer in self.drafts],
            "verdicts": list(self.verdicts),
            "num_dropped": self.num_dropped,
        }

    @classmethod
    def from_json(cls, row: Json) -> Prediction:
        """The inverse of `to_json`; KeyError, TypeError or ValueError where the row is not one."""
        return cls(
            id=row["id"],
            dialogue_id=row["dialogue"],
            group=row["group"],
            corpus=row["corpus"],
            split=row["split"],
            speakers=tuple(row["speakers"]),
            emotions=tuple(row["emotions"]),
            flip=Flip(**row["flip"]),
            known_from=row["known_from"],
            gold=None if row["gold"] is None else frozenset(row["gold"]),
            vote=Vote(frozenset(row["triggers"]), tuple(row["support"]), row["num_valid"], row["num_samples"]),
            answers=tuple(_answer_from_json(answer) for answer in row["answers"]),
            drafts=tuple(_answer_from_json(answer) for answer in row["drafts"]),
            verdicts=tuple(row["verdicts"]),
            num_dropped=row["num_dropped"],
        )


@dataclass(frozen=True, slots=True)
class EmotionPrediction:
    """The emotions a model gave to one dialogue, an utterance each; `gold` holds None where unlabelled."""

    id: str
    group: str
    corpus: str
    split: str
    speakers: tuple[str, ...]
    gold: tuple[str | None, ...]
    emotions: tuple[str, ...]

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
            id=row["id"],
            group=row["group"],
            corpus=row["corpus"],
            split=row["split"],
            speakers=tuple(row["speakers"]),
            gold=tuple(row["gold"]),
            emotions=tuple(row["emotions"]),
        )


def read_predictions(path: Path) -> list[Prediction] | list[EmotionPrediction]:
    """The rows of one prediction file, all of one task, no id twice; InputError names the line that is wrong."""
    triggers: list[Prediction] = []
    emotions: list[EmotionPrediction] = []
    seen: dict[str, int] = {}
    for line, row in read_jsonl(path):
        place = f"{path} line {line}"
        try:
            if row.get("task") == "trigger":
                triggers.append(Prediction.from_json(row))
            elif row.get("task") == "emotion":
                emotions.append(EmotionPrediction.from_json(row))
            else:
                raise InputError(place, f"task {row.get('task')!r}; wanted 'trigger' or 'emotion'")
        except KeyError as error:
            raise InputError(place, f"no field {error.args[0]!r}; not a row of a prediction file") from error
        except (TypeError, ValueError, AttributeError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(place, str(error)) from error
        if row["id"] in seen:
            raise InputError(place, f"id {row['id']!r} stands on line {seen[row['id']]} already")
        seen[row["id"]] = line
    if triggers and emotions:
        raise InputError(path, "rows of two tasks; wanted one prediction file a task")
    if not triggers and not emotions:
        raise InputError(path, "no predictions in it")
    return triggers or emotions


def _answer_to_json(answer: Answer) -> Json:
    value = None if answer.value is None else sorted(answer.value)
    return {"text": answer.text, "value": value, "anomalies": list(answer.anomalies)}


def _answer_from_json(row: Json) -> Answer:
    value = None if row["value"] is None else frozenset(row["value"])
    return Answer(value, row["text"], tuple(row["anomalies"]))
