"""Reader for RECCON: DailyDialog with annotated causes of emotions, read as flip cases. For evaluation only.

Source: Poria et al., "Recognizing emotion cause in conversations" (2021), `data/original_annotation/`.

Format: a JSON object that maps the name of a dialogue to a list with one element, the list of utterances. An utterance
that is not neutral lists its causes by their `turn`, from 1; "b" is a cause outside of all utterances.

Every flip becomes a case: the dialogue up to the target. Its triggers are the causes of the target's emotion. They are
empty if the only cause is "b", and unknown if the target is neutral, because neutral utterances have no causes
annotated. The labels thus answer a related question: why this emotion, not why this change (docs/data.md).
Ids are `<file stem>#<dialogue>.<target>`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.emotion_sets import MELD7
from fliptrace.core.errors import InputError
from fliptrace.core.files import read_json
from fliptrace.core.flips import FlipCase, find_flips
from fliptrace.corpora.columns import is_missing, read_utterances
from fliptrace.corpora.corpus_file import EfrFile, FileLabels, group_files, kind_of
from fliptrace.corpora.findings import FindingLog, raise_first_error

CORPUS = "reccon"
CAUSES = "expanded emotion cause evidence"
NOT_SAID = "b"  # a cause outside of all utterances

# DailyDialog has MELD's seven emotions, one under another name. The stray labels occur 12 times in the train file.
_EMOTIONS = {"happiness": "joy"}
_STRAY_EMOTIONS = {"happy": "joy", "excited": "joy", "sad": "sadness", "angry": "anger", "surprised": "surprise"}


def read_reccon(path: Path, *, split: str | None = None) -> EfrFile:
    """Read the flip cases of a file and assign groups within it; InputError at the first error."""
    file = scan_reccon(path, split=split)
    raise_first_error(file.findings)
    return file


def scan_reccon(path: Path, *, split: str | None = None) -> EfrFile:
    """Like `read_reccon`, but errors become findings, and dialogues with errors are missing."""
    labels = FileLabels.of(path, None, CORPUS, split)
    log = FindingLog(path.name)
    cases = [case for name, entry in _read_entries(path, log) for case in _cases(name, entry, labels, log)]
    return group_files([EfrFile(path, tuple(cases), log.findings)])[0]


def has_reccon_form(entries: Mapping[str, Any]) -> bool:
    """Whether a JSON object looks like a RECCON file.

    >>> has_reccon_form({"tr_1": [[{"turn": 1, "speaker": "A", "utterance": "Hi.", "emotion": "neutral"}]]})
    True
    """
    match next(iter(entries.values()), None):
        case [[{"turn": _, "utterance": _}, *_]]:
            return True
    return False


def _read_entries(path: Path, log: FindingLog) -> list[tuple[str, Any]]:
    """Return pairs of dialogue name and dialogue; an empty list if an error was logged."""
    try:
        entries = read_json(path)
    except InputError as error:
        log.error("", kind_of(error), str(error).removeprefix(f"{error.place}: "))
        return []
    if not isinstance(entries, dict):
        log.error("", "not-an-object", f"found {type(entries).__name__}, expected an object of dialogues by name")
        return []
    if not entries:
        log.error("", "empty-file", "no entries")
    return list(entries.items())


def _cases(name: str, entry: object, labels: FileLabels, log: FindingLog) -> Iterator[FlipCase]:
    where = f"dialogue {name}"
    turns = _turns(entry, where, log)
    columns = {
        "speakers": [turn.get("speaker") for turn in turns],
        "utterances": [turn.get("utterance") for turn in turns],
        "emotions": [_emotion(turn.get("emotion"), where, log) for turn in turns],
    }
    utterances = read_utterances(columns, MELD7, where, log) if turns else None
    if utterances is None:
        return
    whole = Dialogue(f"{labels.name}#{name}", "", utterances, MELD7, labels.corpus, labels.split)
    for flip in find_flips(whole):
        case_id = f"{whole.id}.{flip.target}"
        dialogue = replace(whole, id=case_id, group=case_id, utterances=utterances[: flip.target + 1])
        yield FlipCase(case_id, dialogue, flip, _triggers(turns[flip.target], flip.target, where, log))


def _turns(entry: object, where: str, log: FindingLog) -> list[dict[str, Any]]:
    """Return the utterances of a dialogue after checking turns and causes; an empty list if an error was logged."""
    turns: Any = entry[0] if isinstance(entry, list) and len(entry) == 1 else None
    if not isinstance(turns, list) or not turns or not all(isinstance(turn, dict) for turn in turns):
        log.error(where, "not-a-dialogue", "expected a list that contains one list of utterances")
        return []
    for number, turn in enumerate(turns, start=1):
        if turn.get("turn") != number:
            log.error(where, "turn-out-of-order", f"found turn {turn.get('turn')!r}, expected {number}")
            return []
        causes = turn.get(CAUSES)
        if causes is not None and not (isinstance(causes, list) and all(map(_is_cause, causes))):
            log.error(
                where, "bad-cause", f"turn {number}: causes {causes!r}, expected a list of turns and {NOT_SAID!r}"
            )
            return []
    return turns


def _is_cause(value: object) -> bool:
    return value == NOT_SAID or (type(value) is int and value >= 1)


def _emotion(raw: object, where: str, log: FindingLog) -> object:
    """Return MELD's name of an emotion; unknown names are left for `read_utterances` to reject."""
    if is_missing(raw):
        return raw
    label = str(raw).strip().casefold()
    if label in _STRAY_EMOTIONS:
        log.warn(where, "stray-emotion", f"emotion {raw!r} read as {_STRAY_EMOTIONS[label]!r}")
    return (_EMOTIONS | _STRAY_EMOTIONS).get(label, raw)


def _triggers(turn: Mapping[str, Any], target: int, where: str, log: FindingLog) -> frozenset[int] | None:
    """Return the causes up to the target; None if no causes are annotated for the target."""
    if turn.get(CAUSES) is None:
        return None
    causes = frozenset(cause - 1 for cause in turn[CAUSES] if cause != NOT_SAID)
    said = frozenset(cause for cause in causes if cause <= target)
    if said != causes:
        log.warn(where, "late-cause", f"utterance {target} has a later cause, utterance {max(causes)}, left out")
    return said
