"""Reader for MaSaC's emotion files (SemEval-2024 Task 10 A) and user files in the same format.

Format: a JSON list of whole dialogues. Each is an object with equally long lists `speakers`, `utterances` and
`emotions`. The published test file calls the last list `labels`. Without either list the dialogue is unlabelled.
Ids are `<file stem>#<position>`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.emotion_sets import EmotionSet
from fliptrace.corpora.columns import columns_fit, detect_emotion_set, read_utterances
from fliptrace.corpora.corpus_file import ErcFile, FileLabels, group_files
from fliptrace.corpora.entries import read_objects
from fliptrace.corpora.findings import FindingLog, raise_first_error
from fliptrace.corpora.own_emotions import find_emotion_set


def read_masac_erc(
    path: Path,
    *,
    emotion_set: EmotionSet | None = None,
    corpus: str | None = None,
    split: str | None = None,
    name: str | None = None,
) -> ErcFile:
    """Read the dialogues of a file and assign groups within it; InputError at the first error.

    If None, `emotion_set` is the one declared beside the file (own_emotions.py), or detected from the labels, and the
    other arguments are guessed from the file name.
    """
    file = scan_masac_erc(path, emotion_set=emotion_set, corpus=corpus, split=split, name=name)
    raise_first_error(file.findings)
    return file


def scan_masac_erc(
    path: Path,
    *,
    emotion_set: EmotionSet | None = None,
    corpus: str | None = None,
    split: str | None = None,
    name: str | None = None,
) -> ErcFile:
    """Like `read_masac_erc`, but errors become findings, and dialogues with errors are missing."""
    labels = FileLabels.of(path, name, corpus, split)
    log = FindingLog(path.name)
    entries = read_objects(path, log)
    known = emotion_set or find_emotion_set(path, log) or detect_emotion_set(_emotions_in(entries), labels.corpus)
    read = (_dialogue(position, entry, labels, known, log) for position, entry in enumerate(entries))
    dialogues = tuple(dialogue for dialogue in read if dialogue is not None)
    return group_files([ErcFile(path, dialogues, log.findings)])[0]


def _emotions_in(entries: Sequence[Any]) -> set[str]:
    lists = [_emotions(entry) for entry in entries if isinstance(entry, dict)]
    return {label for emotions in lists if isinstance(emotions, list) for label in emotions if isinstance(label, str)}


def _emotions(entry: dict[str, Any]) -> Any:
    return entry["emotions"] if "emotions" in entry else entry.get("labels")


def _dialogue(
    position: int, entry: object, labels: FileLabels, emotion_set: EmotionSet, log: FindingLog
) -> Dialogue | None:
    where, dialogue_id = f"dialogue {position}", f"{labels.name}#{position}"
    if not isinstance(entry, dict):
        log.error(where, "not-an-object", f"found {type(entry).__name__}, expected an object")
        return None
    columns = {"speakers": entry.get("speakers"), "utterances": entry.get("utterances"), "emotions": _emotions(entry)}
    if not columns_fit(columns, ("speakers", "utterances"), where, log):
        return None
    utterances = read_utterances(columns, emotion_set, where, log)
    if utterances is None:
        return None
    return Dialogue(dialogue_id, dialogue_id, utterances, emotion_set, labels.corpus, labels.split)
