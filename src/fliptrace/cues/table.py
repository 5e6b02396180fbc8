"""Tables of cues beside a transcript: one row per utterance, or the frames of a face tool (faces.py).

A row belongs to the utterance that its column `index` (from 0) names; without that column there has to be one row per
utterance, in order. The column `words` has cues in words, separated by semicolons. Any other column is a cue: a number
becomes a value under the name of the column, a text the words `column: text`. Empty cells are unknown. The columns
`speaker`, `start`, `end` and `text` are left alone, so `fliptrace cues --out` writes what is read here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.errors import InputError
from fliptrace.cues.csv_table import CsvTable, number, open_table
from fliptrace.cues.faces import is_face_table, read_faces
from fliptrace.cues.values import WORDS, Cues, UtteranceCues

INDEX = "index"
TOLD = ("speaker", "start", "end", "text")  # of an utterance, which the transcript says already
_NAME = re.compile(r"\w[\w .%/-]{0,59}")


def read_cue_table(path: Path, dialogue: Dialogue) -> Cues:
    """The cues that a table has for every utterance of a dialogue; InputError if it is not such a table."""
    with open_table(path) as table:
        if table.column(INDEX) is None and is_face_table(table.header):
            found, notes = read_faces(table, dialogue)
            return Cues(tuple(found), tuple(notes))
        return Cues(tuple(_read_rows(table, len(dialogue))))


def _read_rows(table: CsvTable, num_utterances: int) -> Sequence[UtteranceCues]:
    cue_columns = [(place, name) for place, name in enumerate(table.header) if name not in ("", INDEX, *TOLD)]
    if wrong := [name for _, name in cue_columns if not _NAME.fullmatch(name)]:
        raise InputError(table.path, f"column {wrong[0][:60]!r}; expected a name of letters, digits, blanks and _.%/-")
    if not cue_columns:
        raise InputError(table.path, f"columns {', '.join(table.header)}; expected `{WORDS}` or any other with cues")
    cues: dict[int, UtteranceCues] = {}
    for index, cells in _indexed(table, num_utterances):
        if index in cues:
            raise InputError(table.path, f"two rows have the {INDEX} {index}; expected one row per utterance")
        cues[index] = _cues_of([(name, cells[place]) for place, name in cue_columns])
    return [cues.get(i, UtteranceCues()) for i in range(num_utterances)]


def _indexed(table: CsvTable, num_utterances: int) -> Iterator[tuple[int, list[str]]]:
    """The rows, each with the index of its utterance."""
    place = table.column(INDEX)
    if place is None:
        rows = list(table.rows)
        if len(rows) != num_utterances:
            raise InputError(
                table.path,
                f"{len(rows):,} rows for {num_utterances:,} utterances; expected one row for each, or a column "
                f"`{INDEX}` with the number of the utterance, from 0",
            )
        yield from enumerate(rows)
        return
    for cells in table.rows:
        if not cells[place].isdecimal() or int(cells[place]) >= num_utterances:
            raise InputError(
                table.path, f"{INDEX} {cells[place][:20]!r}; expected that of an utterance, 0 to {num_utterances - 1}"
            )
        yield int(cells[place]), cells


def _cues_of(cells: Sequence[tuple[str, str]]) -> UtteranceCues:
    values: dict[str, float] = {}
    words: list[str] = []
    for name, cell in cells:
        if name == WORDS:
            words += [part.strip() for part in cell.split(";") if part.strip()]
        elif (value := number(cell)) is not None:
            values[name] = value
        elif cell and cell.casefold() not in ("nan", "none", "null", "na", "n/a"):
            words.append(f"{name}: {cell}")
    return UtteranceCues(values, tuple(words))
