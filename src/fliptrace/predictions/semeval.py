"""Turns prediction files into a submission to SemEval-2024 Task 10 (EDiReF), as CodaLab accepted it.

A submission is one text file with one label per line and one line per utterance. It covers all entries of a test file
in order, including cases that do not end on a flip. Emotions are written by name, triggers as 0.0 and 1.0. The three
subtasks follow one another: ERC Hindi-English (1,580 lines), EFR Hindi-English (7,690), EFR English (8,642). Teams that
took part in only some subtasks filled the lines of the others with "neutral" and 0.0.

Source: code of participants (SP1029/IITK-at-SemEval-2024-Task-10, Utility/combine_predictions.ipynb, and two more that
write 0.0 and 1.0); the CodaLab page was not available. The file name that CodaLab expects inside the archive is
unknown, so zipping is left to the user.
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
    """A subtask. `num_lines` is the length of its official test file; `filler` is the label if there are no answers."""

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
    """A case or a dialogue of the file that was predicted on. An entry that the reader left out has no prediction."""

    id: str
    num_utterances: int
    is_left_out: bool


class Answers(NamedTuple):
    """The lines for one prediction file, and the corpus that its predictions are about."""

    path: Path
    corpus: str
    lines: tuple[str, ...]


def read_answers(path: Path, file: EfrFile | ErcFile | None = None) -> Answers:
    """The lines for a file of trigger or emotion predictions.

    `file` is the corpus file that was predicted on. Without it, InputError if the ids show that an entry is missing.
    """
    rows = _read_rows(path)
    labels = {row.id: _labels(row, path) for row in rows}
    entries = _entries(file) if file else [Entry(row.id, len(labels[row.id]), False) for row in rows]
    if not file:
        _refuse_gaps(path, entries)
    unknown = labels.keys() - {entry.id for entry in entries}
    if unknown:
        raise InputError(path, f"{min(unknown)} is not in the given file; expected predictions on that file alone")
    filler = NEUTRAL if isinstance(rows[0], EmotionPrediction) else NO_TRIGGER
    lines = [line for entry in entries for line in _lines(entry, labels.get(entry.id), filler, path)]
    return Answers(path, rows[0].corpus, tuple(lines))


def submission(answers: Sequence[Answers]) -> list[str]:
    """The lines of several prediction files, one after another in the given order."""
    return [line for part in answers for line in part.lines]


def whole_submission(answers: Sequence[Answers]) -> list[str]:
    """The lines of all subtasks in the order of the task, with fillers for subtasks without answers.

    InputError if a file is about another corpus, about the same corpus as an earlier one, or not about the official
    test file of its subtask.
    """
    by_corpus: dict[str, Answers] = {}
    for part in answers:
        if part.corpus not in {subtask.corpus for subtask in SUBTASKS}:
            expected = ", ".join(subtask.corpus for subtask in SUBTASKS)
            raise InputError(part.path, f"predictions on {part.corpus!r}; expected one of {expected}")
        if part.corpus in by_corpus:
            other = by_corpus[part.corpus].path
            raise InputError(part.path, f"predictions on {part.corpus}, like {other}; expected one file per corpus")
        by_corpus[part.corpus] = part
    return [line for subtask in SUBTASKS for line in _subtask_lines(subtask, by_corpus.get(subtask.corpus))]


def _subtask_lines(subtask: Subtask, answers: Answers | None) -> tuple[str, ...]:
    if answers is None:
        return (subtask.filler,) * subtask.num_lines
    if len(answers.lines) != subtask.num_lines:
        raise InputError(
            answers.path,
            f"{len(answers.lines):,} lines; expected {subtask.num_lines:,}, from the test file of {subtask.title}",
        )
    return answers.lines


def _read_rows(path: Path) -> list[Prediction] | list[EmotionPrediction]:
    rows = read_predictions(path)
    triggers = [row for row in rows if isinstance(row, Prediction)]
    emotions = [row for row in rows if isinstance(row, EmotionPrediction)]
    if not triggers and not emotions:
        raise InputError(path, "predictions of the unified task; expected those of triggers or emotions")
    return triggers or emotions


def _labels(row: Prediction | EmotionPrediction, path: Path) -> tuple[str, ...]:
    if isinstance(row, EmotionPrediction):
        wrong = next((label for label in row.emotions if not (label.strip() and label.isprintable())), None)
        if wrong is not None:
            raise InputError(path, f"{row.id}: {wrong!r} is not one line of text; expected the name of an emotion")
        return row.emotions
    return tuple(TRIGGER if i in row.vote.triggers else NO_TRIGGER for i in range(len(row.speakers)))


def _entries(file: EfrFile | ErcFile) -> list[Entry]:
    """The entries of a file in order. Those that the reader left out are sorted in by the position in their id."""
    kept = [Entry(d.id, len(d), False) for d in map(dialogue_of, file.members)]
    left_out = [Entry(dialogue.id, len(dialogue), True) for dialogue in file.left_out]
    return sorted([*kept, *left_out], key=lambda entry: _position(file.path, entry.id))


def _position(place: Path, entry_id: str) -> int:
    found = re.search(r"#(\d+)$", entry_id)
    if found is None:
        raise InputError(place, f"id {entry_id!r} does not end in a position; expected one such as MELD_test_efr#3")
    return int(found[1])


def _refuse_gaps(path: Path, entries: Iterable[Entry]) -> None:
    for number, entry in enumerate(entries):
        if _position(path, entry.id) != number:
            raise InputError(
                path, f"{entry.id} in place of number {number}; expected every case, or the file predicted on (--file)"
            )


def _lines(entry: Entry, labels: tuple[str, ...] | None, filler: str, path: Path) -> tuple[str, ...]:
    if labels is None:
        if not entry.is_left_out:
            raise InputError(path, f"no prediction for {entry.id}; expected one for every entry of the file")
        return (filler,) * entry.num_utterances
    if len(labels) != entry.num_utterances:
        raise InputError(path, f"{entry.id}: {len(labels)} labels; expected {entry.num_utterances}, one per utterance")
    return labels
