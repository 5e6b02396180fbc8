"""Read the CSV files of MELD and EmoryNLP: rows with line numbers, grouped into dialogues."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.emotion_sets import EmotionSet
from fliptrace.core.errors import InputError
from fliptrace.core.files import read_text
from fliptrace.corpora.columns import columns_fit, read_utterances
from fliptrace.corpora.corpus_file import FileLabels, kind_of
from fliptrace.corpora.findings import FindingLog


class CsvRow(NamedTuple):
    """A row as a mapping from column names, with the line (from 1) on which it ends."""

    line: int
    values: dict[str, str]


def read_csv_rows(path: Path, required: Sequence[str], log: FindingLog) -> list[CsvRow]:
    """Return the rows of a CSV file with a header; rows that lack a required column are logged as errors."""
    try:
        text = read_text(path)
    except InputError as error:
        log.error("", kind_of(error), str(error).removeprefix(f"{error.place}: "))
        return []
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = [name for name in required if name not in (reader.fieldnames or ())]
    if missing:
        log.error("line 1", "missing-column", f"no column called {', '.join(map(repr, missing))}")
        return []
    rows: list[CsvRow] = []
    try:
        for values in reader:
            if any(values[name] is None for name in required):
                log.error(f"line {reader.line_num}", "short-row", f"expected {len(reader.fieldnames or ())} fields")
            else:
                rows.append(CsvRow(reader.line_num, values))
    except csv.Error as error:
        log.error(f"line {reader.line_num}", "not-csv", f"not CSV: {error}")
    if not rows:
        log.error("", "empty-file", "no rows")
    return rows


def dialogues_by(
    key: Sequence[str], rows: Iterable[CsvRow], emotion_set: EmotionSet, labels: FileLabels, log: FindingLog
) -> list[Dialogue]:
    """Group consecutive rows with the same values in the `key` columns into dialogues.

    The other columns are named as in MELD's files. Ids are `<name>#<values of the key, joined by dots>`.
    """
    dialogues: list[Dialogue] = []
    for values, members in groupby(rows, key=lambda row: tuple(row.values[name].strip() for name in key)):
        group = list(members)
        where, dialogue_id = f"line {group[0].line}", f"{labels.name}#{'.'.join(values)}"
        columns: dict[str, Any] = {
            "speakers": [row.values["Speaker"] for row in group],
            "utterances": [row.values["Utterance"] for row in group],
            "emotions": [row.values["Emotion"] for row in group],
        }
        assert columns_fit(columns, columns, where, log)
        utterances = read_utterances(columns, emotion_set, where, log)
        if utterances is not None:
            dialogues.append(Dialogue(dialogue_id, dialogue_id, utterances, emotion_set, labels.corpus, labels.split))
    _log_torn_dialogues(dialogues, log)
    return dialogues


def _log_torn_dialogues(dialogues: Sequence[Dialogue], log: FindingLog) -> None:
    """Log an error for each dialogue whose rows are not consecutive."""
    seen: set[str] = set()
    for dialogue in dialogues:
        if dialogue.id in seen:
            log.error(f"dialogue {dialogue.id}", "torn-dialogue", "its rows are not consecutive")
        seen.add(dialogue.id)
