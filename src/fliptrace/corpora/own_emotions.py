"""Emotion sets of one's own: `emotions.toml` says which labels the corpora and transcripts in its folder have.

labels = ["calm", "tense", "upset"]
neutral = "calm"              # optional: the label of utterances without emotion
map = { worried = "tense" }   # optional: what labels are called in the files
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.emotion_sets import EMOTION_SETS, MASAC8, EmotionSet, labels_unlike_masac8
from fliptrace.core.errors import InputError
from fliptrace.core.files import Json, open_input
from fliptrace.corpora.columns import OWN_EMOTIONS
from fliptrace.corpora.findings import FindingLog

_KEYS = ("labels", "neutral", "map")
_MAX_BYTES = 100_000
_MAX_LABELS = 100  # a model is asked to score every one of them
# Labels stand in prompts and replies as they are, so they must be words: nothing that looks like another line of these.
_LABEL = re.compile(r"[^\W\d_]([\w -]{0,38}[^\W_])?")


def own_emotion_set(path: Path) -> EmotionSet | None:
    """The emotion set declared beside a file; None if there is none."""
    declared = path.with_name(OWN_EMOTIONS)
    return read_emotion_set(declared) if declared.exists() else None


def emotion_set_called(name: str) -> EmotionSet:
    """A known emotion set by its name, or one of one's own by the path of its file; InputError if it is neither."""
    if name in EMOTION_SETS:
        return EMOTION_SETS[name]
    if not name.endswith(".toml"):
        raise InputError(
            "emotion set", f"found {name!r}, expected {', '.join(EMOTION_SETS)} or a TOML file (docs/data.md)"
        )
    return read_emotion_set(Path(name))


def find_emotion_set(path: Path, log: FindingLog) -> EmotionSet | None:
    """Like `own_emotion_set`, but an error is logged."""
    try:
        return own_emotion_set(path)
    except InputError as error:
        log.error("", "bad-emotions", str(error))
        return None


def check_labels(dialogues: Iterable[Dialogue], place: object) -> None:
    """InputError if dialogues have labels of their own that do not stand for one of MASAC8."""
    for emotion_set in {dialogue.emotion_set for dialogue in dialogues}:
        unknown = labels_unlike_masac8(emotion_set)
        if unknown:
            raise InputError(
                place, f"emotions {', '.join(unknown)}; expected those of masac8 ({', '.join(MASAC8.labels)})"
            )


def read_emotion_set(path: Path) -> EmotionSet:
    """Read an emotion set from a file; InputError says what is wrong with it."""
    return declared_emotion_set(_read_table(path), path, path.absolute().parent.name or "own")


def declared_emotion_set(table: Json, place: object, name: str) -> EmotionSet:
    """The emotion set that a table of `labels`, `neutral` and `map` declares; InputError says what is wrong with it."""
    for key in table.keys() - set(_KEYS):
        nearest = difflib.get_close_matches(key, _KEYS, n=1, cutoff=0)[0]
        raise InputError(place, f"unknown key {key!r}; did you mean {nearest!r}?")
    labels, neutral, spellings = table.get("labels"), table.get("neutral"), table.get("map", {})
    check_own_labels(labels, place)
    assert isinstance(labels, list)
    if neutral is not None and neutral not in labels:
        raise InputError(place, f"found {neutral!r} for `neutral`, expected one of the labels")
    if not isinstance(spellings, dict):
        raise InputError(place, f"found {type(spellings).__name__} for `map`, expected a table of labels")
    for spelling, label in spellings.items():
        if label not in labels:
            raise InputError(place, f"`map` says that {spelling!r} is {label!r}, expected one of the labels")
        if spelling.strip().lower() in labels:
            raise InputError(place, f"`map` says that {spelling!r} is {label!r}, but it is a label itself")
    try:
        known = tuple((spelling.strip().lower(), label) for spelling, label in spellings.items())
        return EmotionSet(name, tuple(labels), neutral, known)
    except ValueError as error:
        raise InputError(place, str(error)) from error


def emotion_set_toml(emotion_set: EmotionSet) -> str:
    """The text of a file that declares an emotion set; InputError if its labels cannot be declared.

    >>> print(emotion_set_toml(EmotionSet("calls", ("calm", "tense"), neutral="calm")), end="")
    labels = ["calm", "tense"]
    neutral = "calm"
    """
    check_own_labels(list(emotion_set.labels), f"emotion set {emotion_set.name!r}")
    values: dict[str, Any] = {"labels": list(emotion_set.labels), "neutral": emotion_set.neutral}
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items() if value]
    return "".join(lines)


def check_own_labels(labels: object, place: object) -> None:
    """InputError if these cannot be the labels of an emotion set of one's own: a list of words in lower case."""
    if not isinstance(labels, list) or not 2 <= len(labels) <= _MAX_LABELS:
        raise InputError(place, f"expected a list `labels` of 2 to {_MAX_LABELS} emotions")
    for label in labels:
        if not isinstance(label, str) or not _LABEL.fullmatch(label) or label != label.lower():
            raise InputError(place, f"found {label!r} for a label, expected one or more words in lower case")


def _read_table(path: Path) -> Json:
    with open_input(path) as file:
        content = file.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise InputError(path, f"more than {_MAX_BYTES:,} bytes; expected a few labels")
    try:
        table: dict[str, Any] = tomllib.loads(content.decode().removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:  # also numbers with thousands of digits, and very deep nesting
        raise InputError(path, f"not TOML: {error}") from error
    return table
