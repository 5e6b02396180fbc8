"""Convert the raw columns of one dialogue (speakers, texts, emotions) to utterances; repairs are logged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fliptrace.core.dialogue import Utterance
from fliptrace.core.emotion_sets import MASAC8, MELD7, EmotionSet
from fliptrace.corpora.findings import FindingLog
from fliptrace.corpora.repair import repair_text

Raw = Sequence[Any]
OWN_EMOTIONS = "emotions.toml"  # beside the file; own_emotions.py reads it


def is_missing(value: object) -> bool:
    """Whether a value is null, NaN or blank."""
    return not value.strip() if isinstance(value, str) else value is None or value != value  # NaN equals nothing


def columns_fit(columns: Mapping[str, object], required: Iterable[str], where: str, log: FindingLog) -> bool:
    """Check that the columns are non-empty lists of equal length and that no required one is None.

    The first problem is logged as an error.
    """
    lists = {name: column for name, column in columns.items() if isinstance(column, list)}
    for name, column in columns.items():
        if name in required and column is None:
            log.error(where, "missing-list", f"no list called {name!r}")
            return False
        if column is not None and name not in lists:
            log.error(where, "missing-list", f"found {type(column).__name__} for {name!r}, expected a list")
            return False
    num_utterances = len(lists["utterances"])
    if not num_utterances:
        log.error(where, "empty-dialogue", "no utterances")
        return False
    for name, values in lists.items():
        if len(values) != num_utterances:
            log.error(where, "unequal-lists", f"{num_utterances} utterances but {len(values)} {name}")
            return False
    return True


def detect_emotion_set(emotions: set[str], hint: str = "") -> EmotionSet:
    """Return MELD's label set if it contains all labels and `hint` does not name MaSaC, else MaSaC's larger one.

    Labels in neither set are rejected later, by `read_utterances`.
    """
    fits_meld = all(label.strip().casefold() in MELD7 for label in emotions)
    return MELD7 if fits_meld and "masac" not in hint.casefold() else MASAC8


def read_utterances(
    columns: Mapping[str, Any], emotion_set: EmotionSet, where: str, log: FindingLog
) -> tuple[Utterance, ...] | None:
    """Return one utterance per entry, or None if an error was logged. The columns must have passed `columns_fit`."""
    names = _canonical_speakers(columns["speakers"], where, log)
    labels = _canonical_emotions(columns["emotions"], len(names), emotion_set, where, log)
    lines = [_text(text, where, log) for text in columns["utterances"]]
    if labels is None or None in lines:
        return None
    if len(set(names)) == 1 and len(names) > 1:
        log.warn(where, "one-speaker", f"{names[0]} is the only speaker")
    return tuple(Utterance(*row) for row in zip(names, (line or "" for line in lines), labels, strict=True))


def _text(raw: object, where: str, log: FindingLog) -> str | None:
    if is_missing(raw):
        log.warn(where, "empty-utterance", "utterance without text, kept")
        return ""
    if not isinstance(raw, str):
        log.error(where, "utterance-not-text", f"found {raw!r} for an utterance, expected text")
        return None
    repaired = repair_text(raw)
    if repaired != raw:
        log.warn(where, "wrong-encoding", "text decoded with the wrong character set, repaired")
    return repaired


def _canonical_speakers(speakers: Raw, where: str, log: FindingLog) -> list[str]:
    """Collapse blanks, and replace spellings that differ only in case by the first of them.

    Each missing speaker gets a name of its own: treating two of them as one person would invent flips.
    """
    first_spelling: dict[str, str] = {}
    names: list[str] = []
    for raw in speakers:
        if is_missing(raw):
            names.append(f"unknown {1 + sum(name.startswith('unknown ') for name in names)}")
            log.warn(where, "no-speaker", f"utterance without a speaker, read as {names[-1]!r}")
            continue
        name = " ".join(repair_text(str(raw)).split())
        if name != raw:
            log.warn(where, "speaker-blanks", f"speaker {raw!r} read as {name!r}")
        known = first_spelling.setdefault(name.casefold(), name)
        if known != name:
            log.warn(where, "speaker-case", f"speaker {name!r} read as {known!r}")
        names.append(known)
    return names


def _canonical_emotions(
    emotions: Raw | None, num_utterances: int, emotion_set: EmotionSet, where: str, log: FindingLog
) -> list[str | None] | None:
    if emotions is None:
        return [None] * num_utterances
    labels: list[str | None] = []
    for position, raw in enumerate(emotions):
        if is_missing(raw):
            log.warn(where, "no-emotion", f"utterance {position} has no emotion, read as unlabelled")
            labels.append(None)
            continue
        try:
            label = emotion_set.canonical(str(raw))
        except ValueError as error:
            log.error(
                f"{where} utterance {position}", "unknown-emotion", f"{error}; others are declared in {OWN_EMOTIONS}"
            )
            return None
        log.saw(where, "emotion-spelling", label, repr(raw))
        labels.append(label)
    return labels
