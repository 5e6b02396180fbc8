"""From prediction files to what SemEval-2024 Task 10 (EDiReF) took as a submission on CodaLab.

Known: one text file, a label a line, an utterance each, over all entries of a test file in order, cases ending on no
flip included; emotions by name, triggers as 0.0 and 1.0; the three subtasks one after another, ERC Hindi-English, EFR
Hindi-English, EFR English, 1,580, 7,690 and 8,642 lines. Those who took part in one subtask filled the lines of the
others with "neutral" and 0.0. Source: code of participants (SP1029/IITK-at-SemEval-2024-Task-10,
Utility/combine_predictions.ipynb, and two more that write 0.0 and 1.0); the CodaLab page was not to be had.
Not known: how the file had to be called in the archive that CodaLab takes, so zipping is left to the user.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from fliptrace.core.errors import InputError
from fliptrace.corpora.corpus_file import EfrFile, ErcFile
from fliptrace.corpora.groups import dialogue_of
from fliptrace.predictions.rows import EmotionPrediction, Prediction, read_predictions

NEUTRAL, NO_TRIGGER, TRIGGER = "neutral", "0.0", "1.0"


class Subtask(NamedTuple):
    """`num_lines` are those of the official test file, `filler` stands on each where nobody answered."""

    title: str
    corpus: str
    num_lines: int
    filler: str


SUBTASKS = (
    Subtask("ERC, Hindi-English", "masac-erc", 1580, NEUTRAL),
    Subtask("EFR, Hindi-English", "masac-fr", 7690, NO_TRIGGER),
    Subtask("EFR, English", "meld-fr", 8642, NO_TRIGGER),
)


class Entry(NamedTuple):
    """A case or a dialogue of the file that was predicted on; nobody asks about one that the reader left out."""

    id: str
    num_utterances: int
    is_left_out: bool


class Answers(NamedTuple):
    """The lines for one prediction file, and the corpus it answers."""

    path: Path
    corpus: str
    lines: tuple[str, ...]


def read_answers(path: Path, file: EfrFile | ErcFile | None = None) -> Answers:
    """The lines for a file of trigger or emotion predictions.

    `file` is what was predicted on; without it, InputError where the ids show that an entry is missing.
    """
    rows = _read_rows(path)
    labels = {row.id: _labels(row) for row in rows}
    entries = _entries(file) if file else [Entry(row.id, len(labels[row.id]), False) for row in rows]
    if not file:
        _refuse_gaps(path, entries)
    strangers = labels.keys() - {entry.id for entry in entries}
    if strangers:
        raise InputError(path, f"{min(strangers)} does not stand in the file it is compared with")
    filler = NEUTRAL if isinstance(rows[0], EmotionPrediction) else NO_TRIGGER
    lines = [line for entry in entries for line in _lines(entry, labels.get(entry.id), filler, path)]
    return Answers(path, rows[0].corpus, tuple(lines))


def submission(answers: Sequence[Answers]) -> list[str]:
    """The lines of several prediction files, one after another as given."""
    return [line for part in answers for line in part.lines]


def whole_submission(answers: Sequence[Answers]) -> list[str]:
    """The lines of all subtasks in the task's order, fillers for those not answered.

    InputError for answers to another corpus, to one twice, or to something else than its official test file.
    """
    by_corpus: dict[str, Answers] = {}
    for part in answers:
        if part.corpus not in {subtask.corpus for subtask in SUBTASKS}:
            wanted = ", ".join(subtask.corpus for subtask in SUBTASKS)
            raise InputError(part.path, f"predictions on {part.corpus!r}; the task has {wanted}")
        if part.corpus in by_corpus:
            raise InputError(part.path, f"answers {part.corpus} as {by_corpus[part.corpus].path} does")
        by_corpus[part.corpus] = part
    return [line for subtask in SUBTASKS for line in _subtask_lines(subtask, by_corpus.get(subtask.corpus))]


def _subtask_lines(subtask: Subtask, answers: Answers | None) -> tuple[str, ...]:
    if answers is None:
        return (subtask.filler,) * subtask.num_lines
    if len(answers.lines) != subtask.num_lines:
        raise InputError(
            answers.path,
            f"{len(answers.lines):,} lines; the official test file of {subtask.title} takes {subtask.num_lines:,}",
        )
    return answers.lines


def _read_rows(path: Path) -> list[Prediction] | list[EmotionPrediction]:
    rows = read_predictions(path)
    triggers = [row for row in rows if isinstance(row, Prediction)]
    emotions = [row for row in rows if isinstance(row, EmotionPrediction)]
    if not triggers and not emotions:
        raise InputError(path, "predictions of the unified task; expected triggers or emotions")
    return triggers or emotions


def _labels(row: Prediction | EmotionPrediction) -> tuple[str, ...]:
    if isinstance(row, EmotionPrediction):
        return row.emotions
    return tuple(TRIGGER if i in row.vote.triggers else NO_TRIGGER for i in range(len(row.speakers)))


def _entries(file: EfrFile | ErcFile) -> list[Entry]:
    """What stands in a file, in its order; what was left out is among the rest by the position in its id."""
    kept = [Entry(d.id, len(d), False) for d in map(dialogue_of, file.members)]
    left_out = [Entry(dialogue.id, len(dialogue), True) for dialogue in file.left_out]
    return sorted([*kept, *left_out], key=lambda entry: _position(file.path, entry.id))


def _position(place: Path, entry_id: str) -> int:
    found = re.search(r"#(\d+)$", entry_id)
    if found is None:
        raise InputError(place, f"{entry_id!r} does not end on a position; expected a file in the form of the task")
    return int(found[1])


def _refuse_gaps(path: Path, entries: Iterable[Entry]) -> None:
    for wanted, entry in enumerate(entries):
        if _position(path, entry.id) != wanted:
            raise InputError(path, f"{entry.id} where number {wanted} was wanted; name the file it is of (--file)")


def _lines(entry: Entry, labels: tuple[str, ...] | None, filler: str, path: Path) -> tuple[str, ...]:
    if labels is None:
        if not entry.is_left_out:
            raise InputError(path, f"nothing on {entry.id}; expected every case of the file")
        return (filler,) * entry.num_utterances
    if len(labels) != entry.num_utterances:
        raise InputError(path, f"{len(labels)} labels for {entry.id}, which has {entry.num_utterances} utterances")
    return labels
