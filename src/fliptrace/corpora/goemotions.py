"""Reader for GoEmotions with its Ekman grouping: TSV with one comment per line, read as a dialogue of one utterance.

Source: Demszky et al., "GoEmotions: a dataset of fine-grained emotions" (2020). The Ekman files are those of
monologg/GoEmotions-pytorch. Their columns are the text, comma-separated positions in `labels.txt` (from 0), and the
comment id. An utterance has only one emotion in fliptrace, so comments with several are left out and counted.
Ids are `goemotions_<file stem>#<comment id>`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.emotion_sets import EKMAN7
from fliptrace.core.errors import InputError
from fliptrace.core.files import read_text
from fliptrace.corpora.columns import read_utterances
from fliptrace.corpora.corpus_file import ErcFile, FileLabels, group_files, kind_of
from fliptrace.corpora.findings import FindingLog, raise_first_error

AUTHOR = "author"


class _Comment(NamedTuple):
    line: int
    text: str
    label_positions: tuple[int, ...]
    id: str


def read_goemotions(path: Path, *, label_file: Path | None = None, split: str | None = None) -> ErcFile:
    """Read the comments with one emotion and assign groups within the file; InputError at the first error.

    `label_file` names the emotions, one per line. If None, `labels.txt` in the folder of the file is used.
    """
    file = scan_goemotions(path, label_file=label_file, split=split)
    raise_first_error(file.findings)
    return file


def scan_goemotions(path: Path, *, label_file: Path | None = None, split: str | None = None) -> ErcFile:
    """Like `read_goemotions`, but errors become findings, and comments with errors are missing."""
    log = FindingLog(path.name)
    labels = FileLabels.of(path, f"goemotions_{path.stem}", "goemotions", split)
    lines, emotions = _read_lines(path, log), _read_lines(label_file or path.with_name("labels.txt"), log)
    comments = _read_comments(lines, len(emotions), log) if emotions else []
    dialogues: list[Dialogue] = []
    left_out: list[Dialogue] = []
    for comment in comments:
        is_single = len(comment.label_positions) == 1
        if not is_single:
            log.warn(f"line {comment.line}", "several-emotions", "comment with several emotions, left out")
        dialogue = _dialogue(comment, emotions[comment.label_positions[0]] if is_single else None, labels, log)
        if dialogue is not None:
            (dialogues if is_single else left_out).append(dialogue)
    return group_files([ErcFile(path, tuple(dialogues), log.findings, tuple(left_out))])[0]


def _read_lines(path: Path, log: FindingLog) -> list[str]:
    """Return the lines of a file without trailing blank lines; an empty list if an error was logged."""
    try:
        lines = read_text(path).rstrip().split("\n")
    except InputError as error:
        log.error("", kind_of(error), str(error))
        return []
    return [line.rstrip("\r") for line in lines]


def _read_comments(lines: Sequence[str], num_labels: int, log: FindingLog) -> list[_Comment]:
    comments: list[_Comment] = []
    for number, line in enumerate(lines, start=1):
        fields = line.split("\t")
        if len(fields) != 3:
            log.error(f"line {number}", "short-row", f"{len(fields)} fields, expected text, labels and id")
            continue
        text, positions, comment_id = fields
        if not all(p.isdecimal() and int(p) < num_labels for p in positions.split(",")):
            log.error(f"line {number}", "unknown-emotion", f"labels {positions!r}, expected numbers below {num_labels}")
            continue
        comments.append(_Comment(number, text, tuple(map(int, positions.split(","))), comment_id))
    return comments


def _dialogue(comment: _Comment, emotion: str | None, labels: FileLabels, log: FindingLog) -> Dialogue | None:
    columns = {"speakers": [AUTHOR], "utterances": [comment.text], "emotions": emotion and [emotion]}
    utterances = read_utterances(columns, EKMAN7, f"line {comment.line}", log)
    if utterances is None:
        return None
    comment_id = f"{labels.name}#{comment.id}"
    return Dialogue(comment_id, comment_id, utterances, EKMAN7, labels.corpus, labels.split)
