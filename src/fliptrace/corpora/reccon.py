"""Reads RECCON: DailyDialog with the utterances that cause an emotion, as flip cases. To evaluate on, not to train on.

Source: Poria et al., "Recognizing emotion cause in conversations" (2021), `data/original_annotation/`: a JSON object,
by name a list that holds one dialogue, a list of utterances. An utterance that is not neutral names its causes by
their `turn`, from 1; "b" is a cause that stands in no utterance.
What we make of it: a case for every flip, the dialogue up to the target. Its triggers are the causes of the target's
emotion: none where the only cause is "b", unknown where the target is neutral, for then nobody was asked. So they
answer a sibling of our question, why this emotion and not why this change (docs/data.md).
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
NOT_SAID = "b"  # the cause lies outside of what was said

# DailyDialog has MELD's seven emotions, one under another name. The others stand in the train file twelve times.
_EMOTIONS = {"happiness": "joy"}
_STRAY_EMOTIONS = {"happy": "joy", "excited": "joy", "sad": "sadness", "angry": "anger", "surprised": "surprise"}


def read_reccon(path: Path, *, split: str | None = None) -> EfrFile:
    """The flip cases of a file, groups assigned within it; InputError at the first error."""
    file = scan_reccon(path, split=split)
    raise_first_error(file.findings)
    return file


def scan_reccon(path: Path, *, split: str | None = None) -> EfrFile:
    """Like `read_reccon`, but errors are findings and the dialogues that have them are missing."""
    labels = FileLabels.of(path, None, CORPUS, split)
    log = FindingLog(path.name)
    cases = [case for name, entry in _read_entries(path, log) for case in _cases(name, entry, labels, log)]
    return group_files([EfrFile(path, tuple(cases), log.findings)])[0]


def has_reccon_form(entries: Mapping[str, Any]) -> bool:
    """Whether a JSON object looks like a file of RECCON.

    >>> has_reccon_form({"tr_1": [[{"turn": 1, "speaker": "A", "utterance": "Hi.", "emotion": "neutral"}]]})
    True
    """
    match next(iter(entries.values()), None):
        case [[{"turn": _, "utterance": _}, *_]]:
            return True
    return False


def _read_entries(path: Path, log: FindingLog) -> list[tuple[str, Any]]:
    """Names and dialogues; an empty list after an error in the log."""
    try:
        entries = read_json(path)
    except InputError as error:
        log.error("", kind_of(error), str(error).removeprefix(f"{error.place}: "))
        return []
    if not isinstance(entries, dict):
        log.error("", "not-an-object", f"found {type(entries).__name__}, expected an object, dialogues by name")
        return []
    if not entries:
        log.error("", "empty-file", "no entries in it")
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
    """The utterances of a dialogue, checked as far as cases are made of them; an empty list after an error."""
    turns: Any = entry[0] if isinstance(entry, list) and len(entry) == 1 else None
    if not isinstance(turns, list) or not turns or not all(isinstance(turn, dict) for turn in turns):
        log.error(where, "not-a-dialogue", "expected a list that holds one list of utterances")
        return []
    for number, turn in enumerate(turns, start=1):
        if turn.get("turn") != number:
            log.error(where, "turn-out-of-order", f"turn {turn.get('turn')!r}, expected {number}: causes go by it")
            return []
        causes = turn.get(CAUSES)
        if causes is not None and not (isinstance(causes, list) and all(map(_is_cause, causes))):
            log.error(
                where, "bad-cause", f"turn {number}: causes {causes!r}, expected turns and {NOT_SAID!r} in a list"
            )
            return []
    return turns


def _is_cause(value: object) -> bool:
    return value == NOT_SAID or (type(value) is int and value >= 1)


def _emotion(raw: object, where: str, log: FindingLog) -> object:
    """As MELD calls it; what is no name of RECCON's is left as it is, for `read_utterances` to judge."""
    if is_missing(raw):
        return raw
    label = str(raw).strip().casefold()
    if label in _STRAY_EMOTIONS:
        log.warn(where, "stray-emotion", f"emotion {raw!r} read as {_STRAY_EMOTIONS[label]!r}")
    return (_EMOTIONS | _STRAY_EMOTIONS).get(label, raw)


def _triggers(turn: Mapping[str, Any], target: int, where: str, log: FindingLog) -> frozenset[int] | None:
    """The causes up to the target; None where the emotion of the target has none written down."""
    if turn.get(CAUSES) is None:
        return None
    causes = frozenset(cause - 1 for cause in turn[CAUSES] if cause != NOT_SAID)
    said = frozenset(cause for cause in causes if cause <= target)
    if said != causes:
        log.warn(where, "late-cause", f"utterance {target} is caused by {max(causes)}, a later one, which is left out")
    return said
