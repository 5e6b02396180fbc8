"""The rows of prediction files: one per case or per dialogue, in input order. Scoring needs nothing else.

The fields are documented in docs/formats.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from fliptrace.core.emotion_sets import NEUTRAL
from fliptrace.core.errors import InputError
from fliptrace.core.files import Json, hash_json, read_jsonl, read_object, rename_key
from fliptrace.core.flips import Flip, FlipCase
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
    read_remaining,
    read_set,
    read_shortened,
    shortened_to_json,
    vote_from_json,
    vote_to_json,
)
from fliptrace.predictions.unified_rows import UnifiedPrediction

EmotionsFrom = Literal["gold", "predicted"]  # two of the three experiments; the third is the unified task


@dataclass(frozen=True, slots=True)
class Prediction:
    """A model's answers to one flip case, with everything needed to score them.

    `gold`: the labelled triggers, or None if the case is unlabelled.
    `drafts`, `verdicts`: if the model judged its own answers, its answers before that and its verdicts on them (None if
    it gave none), one per sample; otherwise empty.
    `num_dropped`: how many of the oldest utterances did not fit the context; `num_shortened`: of how many others, too
    long for it, the model read the beginning only.
    `remaining`: with exact decoding, the probability, from 0 to 1, of everything that was not scored; otherwise None.
    `emotions_from`: whether `emotions` are labels or predicted. The flip comes from the labels in both cases.
    `neutral`: the label of utterances without emotion.
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
    num_shortened: int = 0
    neutral: str = NEUTRAL

    def __post_init__(self) -> None:
        num_utterances, target = len(self.speakers), self.flip.target
        if not num_utterances == len(self.emotions) == len(self.vote.support):
            raise ValueError(
                f"case {self.id!r}: {num_utterances} speakers, {len(self.emotions)} emotions and support for "
                f"{len(self.vote.support)} utterances; expected as many of each"
            )
        if target >= num_utterances:
            raise ValueError(f"case {self.id!r}: target {target}; expected 0..{num_utterances - 1}")
        if not 0 <= self.known_from <= target:
            raise ValueError(f"case {self.id!r}: labels known from {self.known_from}, expected 0..{target}")
        outside = sorted(i for i in self.gold or () if not 0 <= i <= target)
        if outside:
            raise ValueError(f"case {self.id!r}: gold triggers {outside}; expected 0..{target}, the target")
        if self.remaining is not None and not 0 <= self.remaining <= 1:
            raise ValueError(f"case {self.id!r}: remaining is {self.remaining}; expected 0 to 1")
        if len(self.drafts) != len(self.verdicts) or (self.drafts and len(self.drafts) != len(self.answers)):
            raise ValueError(
                f"case {self.id!r}: {len(self.answers)} answers, {len(self.drafts)} drafts, "
                f"{len(self.verdicts)} verdicts; expected as many of each"
            )

    @classmethod
    def by_support(
        cls, case: FlipCase, support: tuple[float, ...], threshold: float, num_shortened: int = 0
    ) -> Prediction:
        """The prediction of a model that gives every utterance its support, 0 to 1, at once instead of answers."""
        named = frozenset(i for i, share in enumerate(support) if share >= threshold)
        vote = Vote(named, support, num_valid=1, num_samples=1)
        return cls.of(case, vote, [Answer(named, "")], num_shortened=num_shortened)

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
        num_shortened: int = 0,
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
            num_shortened=num_shortened,
            neutral=dialogue.emotion_set.neutral or NEUTRAL,
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
            **shortened_to_json(self.num_shortened),
            **neutral_to_json(self.neutral),
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
            num_shortened=read_shortened(row),
            neutral=read_neutral(row),
        )


@dataclass(frozen=True, slots=True)
class EmotionPrediction:
    """The emotions that a model predicted for one dialogue, one per utterance.

    `gold` has None for unlabelled utterances. `num_unparsed` of the emotions are fillers for replies that could not be
    read; `unparsed` are the first of these replies. Of `num_shortened` utterances the model read the beginning only.
    """

    id: str
    group: str
    corpus: str
    split: str
    speakers: tuple[str, ...]
    gold: tuple[str | None, ...]
    emotions: tuple[str, ...]
    num_unparsed: int = 0
    unparsed: tuple[str, ...] = ()
    num_shortened: int = 0

    def __post_init__(self) -> None:
        if not len(self.speakers) == len(self.gold) == len(self.emotions):
            raise ValueError(
                f"dialogue {self.id!r}: {len(self.speakers)} speakers, {len(self.gold)} gold and "
                f"{len(self.emotions)} predicted emotions; expected as many of each"
            )

    def to_json(self) -> Json:
        fields = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        del fields["num_shortened"]
        return {"task": "emotion"} | fields | shortened_to_json(self.num_shortened)

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
            # Older files have no `num_unparsed`.
            num_unparsed=read_field({"num_unparsed": 0} | row, "num_unparsed", int),
            unparsed=read_items({"unparsed": []} | row, "unparsed", str),
            num_shortened=read_shortened(row),
        )


AnyRow = Prediction | EmotionPrediction | UnifiedPrediction


def manifest_path(path: Path) -> Path:
    """The path of the manifest of a prediction file, in the same folder."""
    return path.parent / f"{path.stem}.manifest.json"


def read_manifest(path: Path) -> Json:
    """Read the manifest of a prediction file (docs/formats.md); empty if there is none.

    InputError if it is not an object, or if `inference` and its `layout` are not.
    """
    manifest = manifest_path(path)
    if not manifest.exists():
        return {}
    table = rename_key(read_object(manifest), "reading", "inference")
    try:
        read_field({"layout": {}} | read_field({"inference": {}} | table, "inference", dict), "layout", dict)
    except TypeError as error:
        raise InputError(manifest, str(error)) from error
    return table


def count_missing(path: Path, num_rows: int) -> int | None:
    """How many rows a prediction file lacks of those that its manifest counts; negative if it has more than these.

    None without a manifest, or if it counts none.
    """
    manifest = read_manifest(path)
    counted = manifest.get("num_cases", manifest.get("num_dialogues"))
    return counted - num_rows if type(counted) is int else None


_LABELS = ("id", "group", "flip", "known_from", "gold", "gold_flips", "counted_from")  # whichever a row has


def hash_labels(rows: Iterable[AnyRow]) -> str:
    """The hash of what a model cannot change in rows: which cases they are, and their labels."""
    written = (row.to_json() for row in rows)
    return hash_json([{name: row[name] for name in _LABELS if name in row} for row in written])


def has_its_labels(path: Path, rows: Sequence[AnyRow]) -> bool | None:
    """Whether a file has the cases and labels that it was written with.

    None if its manifest does not tell, or if rows are missing (count_missing).
    """
    known = read_manifest(path).get("labels_sha256")
    return None if known is None or count_missing(path, len(rows)) else known == hash_labels(rows)


def read_predictions(path: Path) -> list[Prediction] | list[EmotionPrediction] | list[UnifiedPrediction]:
    """Read a prediction file: rows of one task, with unique ids. InputError names the line that is wrong."""
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
            raise InputError(place, f"id {row['id']!r} is on line {seen[row['id']]} already; expected each id once")
        seen[row["id"]] = line
    found = [of_task for of_task in rows.values() if of_task]
    if len(found) > 1:
        raise InputError(path, "rows of two tasks; expected one file per task")
    if not found:
        raise InputError(path, "no predictions; expected at least one row")
    return found[0]


_ROWS: Mapping[str, type[Prediction] | type[EmotionPrediction] | type[UnifiedPrediction]] = {
    "trigger": Prediction,
    "emotion": EmotionPrediction,
    "unified": UnifiedPrediction,
}


def _emotions_from(row: Json) -> EmotionsFrom:
    """The field `emotions_from`. Older files do not have it: their emotions are gold."""
    value = row.get("emotions_from", "gold")
    if value not in get_args(EmotionsFrom):
        raise ValueError(f"emotions_from is {value!r}; expected {' or '.join(map(repr, get_args(EmotionsFrom)))}")
    return cast(EmotionsFrom, value)
