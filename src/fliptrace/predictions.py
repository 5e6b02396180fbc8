"""The prediction file: one self-contained row a case or a dialogue, in input order. Scoring needs nothing else.

The fields are documented in docs/formats.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

from fliptrace.errors import InputError
from fliptrace.flips import Flip, FlipCase
from fliptrace.messages import AnomalyKind, Answer
from fliptrace.store import Json, read_json, read_jsonl
from fliptrace.voting import Vote

T = TypeVar("T")


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
            raise ValueError(f"case {self.id!r}: labels known from {self.known_from}, wanted 0..{target}")
        outside = sorted(i for i in self.gold or () if not 0 <= i <= target)
        if outside:
            raise ValueError(f"case {self.id!r}: gold {outside} lies outside 0..{target}, the target")
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
            "support": list(self.vote.support),
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
            id=_field(row, "id", str),
            dialogue_id=_field(row, "dialogue", str),
            group=_field(row, "group", str),
            corpus=_field(row, "corpus", str),
            split=_field(row, "split", str),
            speakers=_items(row, "speakers", str),
            emotions=_items(row, "emotions", str, type(None)),
            flip=_flip_from_json(_field(row, "flip", dict)),
            known_from=_field(row, "known_from", int),
            gold=_set(row, "gold"),
            vote=Vote(
                triggers=frozenset(_items(row, "triggers", int)),
                support=_items(row, "support", float, int),
                num_valid=_field(row, "num_valid", int),
                num_samples=_field(row, "num_samples", int),
            ),
            answers=tuple(_answer_from_json(answer) for answer in _items(row, "answers", dict)),
            drafts=tuple(_answer_from_json(answer) for answer in _items(row, "drafts", dict)),
            verdicts=_items(row, "verdicts", bool, type(None)),
            num_dropped=_field(row, "num_dropped", int),
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
            id=_field(row, "id", str),
            group=_field(row, "group", str),
            corpus=_field(row, "corpus", str),
            split=_field(row, "split", str),
            speakers=_items(row, "speakers", str),
            gold=_items(row, "gold", str, type(None)),
            emotions=_items(row, "emotions", str),
        )


def manifest_path(path: Path) -> Path:
    """Where the manifest of a prediction file lies: beside it."""
    return path.with_name(f"{path.stem}.manifest.json")


def read_manifest(path: Path) -> Json:
    """What a prediction file was made with (docs/formats.md); empty where it came without a manifest."""
    manifest = manifest_path(path)
    return dict(read_json(manifest)) if manifest.exists() else {}


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
        except InputError:
            raise
        except (TypeError, ValueError) as error:
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
    anomalies = _items(row, "anomalies", str)
    unknown = [anomaly for anomaly in anomalies if anomaly not in get_args(AnomalyKind)]
    if unknown:
        raise ValueError(f"anomaly {unknown[0]!r}; there are {', '.join(get_args(AnomalyKind))}")
    return Answer(_set(row, "value"), _field(row, "text", str), cast(tuple[AnomalyKind, ...], anomalies))


def _flip_from_json(row: Json) -> Flip:
    return Flip(
        speaker=_field(row, "speaker", str),
        source=_field(row, "source", int),
        target=_field(row, "target", int),
        before=_field(row, "before", str),
        after=_field(row, "after", str),
    )


def _field(row: Json, name: str, kind: type[T]) -> T:
    """A field of that very type: true is no number, and 1.0 no index."""
    value = row[name]
    if type(value) is not kind:
        raise TypeError(f"{name} is {value!r}; wanted {_KINDS[kind]}")
    return value


def _items(row: Json, name: str, *kinds: type) -> tuple[Any, ...]:
    values = _field(row, name, list)
    wrong = [value for value in values if type(value) not in kinds]
    if wrong:
        raise TypeError(f"{name} holds {wrong[0]!r}; wanted {' or '.join(_KINDS[kind] for kind in kinds)}")
    return tuple(values)


def _set(row: Json, name: str) -> frozenset[int] | None:
    return None if row[name] is None else frozenset(_items(row, name, int))


_KINDS: dict[type, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
    type(None): "null",
}
