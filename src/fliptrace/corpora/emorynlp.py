"""Reader for EmoryNLP's emotion files: CSV with one utterance per row; season, episode and scene identify a scene.

Source: Zahiri and Choi, "Emotion detection on TV show transcripts with sequence-based convolutional neural networks"
(2018). If an utterance has several speakers, they become one speaker whose name joins all names by commas.
EmoryNLP and MELD both come from Friends. Scenes that overlap with MELD's dev or test set are listed in
`exclude_scenes.json` and left out, so that training on EmoryNLP leaks nothing. Ids are
`<file stem>#<season>.<episode>.<scene>`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

from fliptrace.core.emotion_sets import EMORYNLP7
from fliptrace.core.errors import InputError
from fliptrace.core.files import read_json
from fliptrace.corpora.corpus_file import ErcFile, FileLabels, group_files
from fliptrace.corpora.csv_rows import CsvRow, dialogues_by, read_csv_rows
from fliptrace.corpora.findings import FindingLog, raise_first_error

SCENE = ("Season", "Episode", "Scene_ID")
COLUMNS = ("Utterance", "Speaker", "Emotion", *SCENE)


def read_emorynlp(path: Path, *, exclude: Path | None = None, split: str | None = None) -> ErcFile:
    """Read the scenes of a file and assign groups within it; InputError at the first error.

    `exclude` lists the scenes to leave out. If None, `exclude_scenes.json` in the folder of the file is used, if any.
    """
    file = scan_emorynlp(path, exclude=exclude, split=split)
    raise_first_error(file.findings)
    return file


def scan_emorynlp(path: Path, *, exclude: Path | None = None, split: str | None = None) -> ErcFile:
    """Like `read_emorynlp`, but errors become findings, and scenes with errors are missing."""
    log = FindingLog(path.name)
    labels = FileLabels.of(path, None, "emorynlp", split)
    rows = [_with_speaker_names(row, log) for row in read_csv_rows(path, COLUMNS, log)]
    scenes = dialogues_by(SCENE, rows, EMORYNLP7, labels, log)
    excluded = {f"{labels.name}#{listed}" for listed in _excluded_scenes(path, exclude, log)}
    left_out = tuple(scene for scene in scenes if scene.id in excluded)
    for scene in left_out:
        log.warn(f"scene {scene.id}", "excluded-scene", "overlaps with MELD's dev or test, left out")
    kept = tuple(scene for scene in scenes if scene.id not in excluded)
    return group_files([ErcFile(path, kept, log.findings, left_out)])[0]


def _with_speaker_names(row: CsvRow, log: FindingLog) -> CsvRow:
    """Replace the speaker "['Monica Geller', 'Joey Tribbiani']" by "Monica Geller, Joey Tribbiani"."""
    raw = row.values["Speaker"]
    try:
        names = ast.literal_eval(raw)
        speaker = ", ".join(names) if isinstance(names, list) else str(names)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):  # the last two for deep nesting
        log.warn(f"line {row.line}", "speaker-no-list", f"speaker {raw!r} is not a list of names, read as one name")
        speaker = raw
    return CsvRow(row.line, row.values | {"Speaker": speaker})


def _excluded_scenes(path: Path, exclude: Path | None, log: FindingLog) -> Iterable[str]:
    """Return the scenes to leave out, each as "season.episode.scene"."""
    listed = exclude or path.with_name("exclude_scenes.json")
    if exclude is None and not listed.exists():
        log.warn("", "no-exclude-list", "no exclude_scenes.json next to the file, scenes shared with MELD are kept")
        return []
    try:
        return [".".join(map(str, scene)) for scene in read_json(listed)["season_episode_scene"]]
    except InputError as error:
        log.error("", "bad-exclude-list", str(error))
    except (KeyError, TypeError):
        log.error("", "bad-exclude-list", f"{listed.name}: expected an object with a list 'season_episode_scene'")
    return []
