"""Reads and writes the parts of a prediction row: typed fields, flips, votes, answers.

Parsing is strict: `true` is not a number. A row that is not as expected raises KeyError, TypeError or ValueError;
rows.py adds the line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar, get_args

from fliptrace.core.emotion_sets import NEUTRAL
from fliptrace.core.files import Json
from fliptrace.core.flips import Flip
from fliptrace.core.messages import AnomalyKind, Answer, PreventedKind
from fliptrace.core.voting import Vote

T = TypeVar("T")

_KINDS: dict[type, str] = {
    str: "a string",
    int: "an integer",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


def read_field(row: Json, name: str, kind: type[T]) -> T:
    """A field of exactly this type: `true` is not a number, and 1.0 is not an integer."""
    value = row[name]
    if type(value) is not kind:
        raise TypeError(f"{name} is {value!r}; expected {_KINDS[kind]}")
    return value


def read_items(row: Json, name: str, *kinds: type) -> tuple[Any, ...]:
    """A list field that contains only values of these types."""
    values = read_field(row, name, list)
    wrong = [value for value in values if type(value) not in kinds]
    if wrong:
        raise TypeError(f"{name} holds {wrong[0]!r}; expected {' or '.join(_KINDS[kind] for kind in kinds)}")
    return tuple(values)


def read_set(row: Json, name: str) -> frozenset[int] | None:
    """A field that is a list of indices, as a set, or null."""
    return None if row[name] is None else frozenset(read_items(row, name, int))


def flip_from_json(row: Json) -> Flip:
    return Flip(
        speaker=read_field(row, "speaker", str),
        source=read_field(row, "source", int),
        target=read_field(row, "target", int),
        before=read_field(row, "before", str),
        after=read_field(row, "after", str),
    )


def vote_to_json(vote: Vote) -> Json:
    return {
        "triggers": sorted(vote.triggers),
        "support": list(vote.support),
        "num_valid": vote.num_valid,
        "num_samples": vote.num_samples,
    }


def vote_from_json(row: Json) -> Vote:
    return Vote(
        triggers=frozenset(read_items(row, "triggers", int)),
        support=read_items(row, "support", float, int),
        num_valid=read_field(row, "num_valid", int),
        num_samples=read_field(row, "num_samples", int),
    )


def read_remaining(row: Json) -> float | None:
    """The field `remaining`: a probability or null. Files written before exact decoding do not have it."""
    return read_probability(row, "remaining")


def read_probability(row: Json, name: str) -> float | None:
    """A field with a probability; None where it is null or absent."""
    share: float | None = read_items({name: [row.get(name)]}, name, float, int, type(None))[0]
    if share is not None and not 0 <= share <= 1:
        raise ValueError(f"{name} is {share}; expected 0 to 1")
    return share


def shortened_to_json(num_shortened: int) -> Json:
    """The field `num_shortened`, which only rows with shortened utterances have."""
    return {"num_shortened": num_shortened} if num_shortened else {}


def read_shortened(row: Json) -> int:
    return read_field({"num_shortened": 0} | row, "num_shortened", int)


def neutral_to_json(neutral: str) -> Json:
    """The field `neutral`, which only rows have whose emotion set calls it otherwise."""
    return {} if neutral == NEUTRAL else {"neutral": neutral}


def read_neutral(row: Json) -> str:
    return read_field({"neutral": NEUTRAL} | row, "neutral", str)


def answer_to_json(answer: Answer) -> Json:
    value = None if answer.value is None else sorted(answer.value)
    anomalies, prevented = list(answer.anomalies), list(answer.prevented)
    return {"text": answer.text, "value": value, "anomalies": anomalies, "prevented": prevented}


def answer_from_json(row: Json) -> Answer:
    anomalies = _read_kinds(row, "anomalies", get_args(AnomalyKind))
    # Files written before constrained decoding have no `prevented`.
    prevented = _read_kinds({"prevented": []} | row, "prevented", get_args(PreventedKind))
    return Answer(read_set(row, "value"), read_field(row, "text", str), anomalies, prevented)


def _read_kinds(row: Json, name: str, known: Sequence[str]) -> tuple[Any, ...]:
    kinds = read_items(row, name, str)
    unknown = [kind for kind in kinds if kind not in known]
    if unknown:
        raise ValueError(f"{name} holds {unknown[0]!r}; expected one of {', '.join(known)}")
    return kinds
