"""Reader for EFR files: MELD-FR, MaSaC-FR and user corpora in the same format.

Format (Kumar et al. 2022; SemEval-2024 Task 10 B and C): a JSON list of cases, or one of the other forms of entries.py.
Each case is the prefix of a dialogue that ends at the target of a flip, given as equally long lists `speakers`,
`utterances`, `emotions` and `triggers`. The published test files call the last list `labels`. The extra field `source`,
specific to fliptrace, says how a case was made (docs/data.md). The id of a case and of its dialogue is
`<file stem>#<position>`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.emotion_sets import EmotionSet
from fliptrace.core.flips import FlipCase, find_flip
from fliptrace.corpora.columns import columns_fit, detect_emotion_set, is_missing, read_utterances
from fliptrace.corpora.corpus_file import EfrFile, FileLabels, group_files
from fliptrace.corpora.entries import read_objects
from fliptrace.corpora.findings import FindingLog, raise_first_error
from fliptrace.corpora.own_emotions import find_emotion_set

_COLUMNS = ("speakers", "utterances", "emotions")


def read_efr(
    path: Path,
    *,
    emotion_set: EmotionSet | None = None,
    corpus: str | None = None,
    split: str | None = None,
    name: str | None = None,
) -> EfrFile:
    """Read the flip cases of a file and assign groups within it; InputError at the first error.

    If None, `emotion_set` is the one declared beside the file (own_emotions.py), or detected from the labels, and the
    other arguments are guessed from the file name.
    """
    file = scan_efr(path, emotion_set=emotion_set, corpus=corpus, split=split, name=name)
    raise_first_error(file.findings)
    return file


def scan_efr(
    path: Path,
    *,
    emotion_set: EmotionSet | None = None,
    corpus: str | None = None,
    split: str | None = None,
    name: str | None = None,
) -> EfrFile:
    """Like `read_efr`, but errors become findings, and cases with errors are missing."""
    labels = FileLabels.of(path, name, corpus, split)
    log = FindingLog(path.name)
    entries = read_objects(path, log)
    known = emotion_set or find_emotion_set(path, log) or detect_emotion_set(_emotions_in(entries), labels.corpus)
    reader = _CaseReader(labels, known, log)
    cases = [case for position, entry in enumerate(entries) if (case := reader.read(position, entry)) is not None]
    return group_files([EfrFile(path, tuple(cases), log.findings, tuple(reader.left_out))])[0]


def _emotions_in(entries: Sequence[Any]) -> set[str]:
    lists = [entry.get("emotions") for entry in entries if isinstance(entry, dict)]
    return {label for emotions in lists if isinstance(emotions, list) for label in emotions if isinstance(label, str)}


@dataclass(slots=True)
class _CaseReader:
    """Reads the entries of one file in order and collects the dialogues that are left out."""

    labels: FileLabels
    emotion_set: EmotionSet
    log: FindingLog
    left_out: list[Dialogue] = field(default_factory=list)

    def read(self, position: int, entry: object) -> FlipCase | None:
        """Return the case, or None if an error was logged or the case does not end with a flip."""
        where, case_id = f"case {position}", f"{self.labels.name}#{position}"
        if not isinstance(entry, dict):
            self.log.error(where, "not-an-object", f"found {type(entry).__name__}, expected an object")
            return None
        columns: dict[str, Any] = {name: entry.get(name) for name in _COLUMNS}
        columns["triggers"] = entry["triggers"] if "triggers" in entry else entry.get("labels")
        if not columns_fit(columns, _COLUMNS, where, self.log):
            return None
        utterances = read_utterances(columns, self.emotion_set, where, self.log)
        triggers = self._triggers(where, columns["triggers"])
        if utterances is None or (triggers is None and columns["triggers"] is not None):
            return None
        dialogue = Dialogue(case_id, case_id, utterances, self.emotion_set, self.labels.corpus, self.labels.split)
        return self._case(where, dialogue, triggers, is_rebuilt=entry.get("source") == "rebuilt")

    def _case(
        self, where: str, dialogue: Dialogue, triggers: frozenset[int] | None, *, is_rebuilt: bool
    ) -> FlipCase | None:
        flip = find_flip(dialogue, len(dialogue) - 1)
        if flip is None:
            self.left_out.append(dialogue)
            self.log.warn(where, "no-flip", "does not end with an emotion flip of its last speaker, left out")
            return None
        # In a rebuilt case the labels before the source are unknown; the file has 0 there (docs/data.md).
        return FlipCase(dialogue.id, dialogue, flip, triggers, known_from=flip.source if is_rebuilt else 0)

    def _triggers(self, where: str, values: Sequence[Any] | None) -> frozenset[int] | None:
        if values is None:
            return None
        named: set[int] = set()
        for position, value in enumerate(values):
            flag = self._flag(where, position, value)
            if flag is None:
                return None
            if flag:
                named.add(position)
        return frozenset(named)

    def _flag(self, where: str, position: int, value: object) -> bool | None:
        """Parse a trigger flag; None if an error was logged."""
        if is_missing(value) or (isinstance(value, str) and value.strip().casefold() == "nan"):
            self.log.warn(where, "nan-trigger", f"trigger of utterance {position} is {value!r}, read as 0")
            return False
        try:
            number = float(value) if isinstance(value, int | float | str) else None
        except (ValueError, OverflowError):
            number = None
        if number not in (0.0, 1.0):
            place = f"{where} utterance {position}"
            self.log.error(place, "bad-trigger", f"its trigger is {value!r}, expected 0 or 1")
            return None
        self.log.saw(where, "mixed-trigger-forms", f"{number:g}", repr(value))
        return bool(number)
