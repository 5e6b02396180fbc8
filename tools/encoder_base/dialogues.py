"""Reads the dialogues of corpora, by name or by path."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from fliptrace.core.dialogue import Dialogue
from fliptrace.corpora.catalog import locate_ref
from fliptrace.corpora.corpus_file import EfrFile
from fliptrace.corpora.detect import read_corpus


def read_dialogues(ref: str) -> Sequence[Dialogue]:
    """Read the dialogues of NAME:SPLIT or of a file. FLIPTRACE_DATA names the folder of corpora."""
    root = os.environ.get("FLIPTRACE_DATA")
    file = read_corpus(locate_ref(ref, Path(root) if root else None))
    return [case.dialogue for case in file.cases] if isinstance(file, EfrFile) else file.dialogues
