"""Reader for MELD's emotion files: CSV with one utterance per row; `Dialogue_ID` identifies a dialogue.

Source: Poria et al., "MELD: a multimodal multi-party dataset for emotion recognition in conversations" (2019).
Times are not read, because some rows end before they start. Ids are `<file stem>#<Dialogue_ID>`.
"""

from __future__ import annotations

from pathlib import Path

from fliptrace.core.emotion_sets import MELD7, EmotionSet
from fliptrace.corpora.corpus_file import ErcFile, FileLabels, group_files
from fliptrace.corpora.csv_rows import dialogues_by, read_csv_rows
from fliptrace.corpora.findings import FindingLog, raise_first_error
from fliptrace.corpora.own_emotions import find_emotion_set

COLUMNS = ("Utterance", "Speaker", "Emotion", "Dialogue_ID", "Utterance_ID")


def read_meld_erc(
    path: Path, *, emotion_set: EmotionSet | None = None, corpus: str | None = "meld", split: str | None = None
) -> ErcFile:
    """Read the dialogues of a file and assign groups within it; InputError at the first error."""
    file = scan_meld_erc(path, emotion_set=emotion_set, corpus=corpus, split=split)
    raise_first_error(file.findings)
    return file


def scan_meld_erc(
    path: Path, *, emotion_set: EmotionSet | None = None, corpus: str | None = "meld", split: str | None = None
) -> ErcFile:
    """Like `read_meld_erc`, but errors become findings, and dialogues with errors are missing."""
    log = FindingLog(path.name)
    labels = FileLabels.of(path, None, corpus, split)
    known = emotion_set or find_emotion_set(path, log) or MELD7
    rows = read_csv_rows(path, COLUMNS, log)
    dialogues = dialogues_by(("Dialogue_ID",), rows, known, labels, log)
    return group_files([ErcFile(path, tuple(dialogues), log.findings)])[0]
