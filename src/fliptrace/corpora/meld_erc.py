"""Reads MELD's emotion files: CSV, an utterance a row, dialogues told apart by `Dialogue_ID`.

Source: Poria et al., "MELD: a multimodal multi-party dataset for emotion recognition in conversations" (2019).
Times are left alone: some rows end before they start. Ids are `<file stem>#<Dialogue_ID>`.
"""

from __future__ import annotations

from pathlib import Path

from fliptrace.core.emotion_sets import MELD7, EmotionSet
from fliptrace.corpora.corpus_file import ErcFile, FileLabels, group_files
from fliptrace.corpora.csv_rows import dialogues_by, read_csv_rows
from fliptrace.corpora.findings import FindingLog, raise_first_error

COLUMNS = ("Utterance", "Speaker", "Emotion", "Dialogue_ID", "Utterance_ID")


def read_meld_erc(
    path: Path, *, emotion_set: EmotionSet | None = None, corpus: str | None = "meld", split: str | None = None
) -> ErcFile:
    """The dialogues of a file, groups assigned within it; InputError at the first error."""
    file = scan_meld_erc(path, emotion_set=emotion_set, corpus=corpus, split=split)
    raise_first_error(file.findings)
    return file


def scan_meld_erc(
    path: Path, *, emotion_set: EmotionSet | None = None, corpus: str | None = "meld", split: str | None = None
) -> ErcFile:
    """Like `read_meld_erc`, but errors are findings and the dialogues that have them are missing."""
    log = FindingLog(path.name)
    labels = FileLabels.of(path, None, corpus, split)
    rows = read_csv_rows(path, COLUMNS, log)
    dialogues = dialogues_by(("Dialogue_ID",), rows, emotion_set or MELD7, labels, log)
    return group_files([ErcFile(path, tuple(dialogues), log.findings)])[0]
