"""The contents of a corpus file: flip cases (EFR) or dialogues (ERC), with findings, and labels from file names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.errors import InputError
from fliptrace.core.flips import FlipCase
from fliptrace.corpora.findings import Finding
from fliptrace.corpora.groups import find_groups, with_group


@dataclass(frozen=True, slots=True)
class EfrFile:
    """The flip cases of one file, in file order. `left_out` are the dialogues of cases that do not end with a flip."""

    path: Path
    cases: tuple[FlipCase, ...]
    findings: tuple[Finding, ...]
    left_out: tuple[Dialogue, ...] = ()

    @property
    def members(self) -> tuple[FlipCase, ...]:
        return self.cases


@dataclass(frozen=True, slots=True)
class ErcFile:
    """The dialogues of one file, in file order. `left_out` are dialogues that must not be used."""

    path: Path
    dialogues: tuple[Dialogue, ...]
    findings: tuple[Finding, ...]
    left_out: tuple[Dialogue, ...] = ()

    @property
    def members(self) -> tuple[Dialogue, ...]:
        return self.dialogues


CorpusFile = TypeVar("CorpusFile", bound=EfrFile | ErcFile)


def group_files(files: Sequence[CorpusFile]) -> tuple[CorpusFile, ...]:
    """Assign groups across all files together, including the dialogues they left out."""
    groups = iter(find_groups(member for file in files for member in (*file.members, *file.left_out)))
    return tuple(_with_groups(file, groups) for file in files)


def _with_groups(file: CorpusFile, groups: Iterator[str]) -> CorpusFile:
    """Assign the next groups to a file: first to its members, then to what it left out."""
    if isinstance(file, EfrFile):
        cases = tuple(with_group(case, next(groups)) for case in file.cases)
        return replace(file, cases=cases, left_out=tuple(with_group(d, next(groups)) for d in file.left_out))
    dialogues = tuple(with_group(dialogue, next(groups)) for dialogue in file.dialogues)
    return replace(file, dialogues=dialogues, left_out=tuple(with_group(d, next(groups)) for d in file.left_out))


@dataclass(frozen=True, slots=True)
class FileLabels:
    """Name, corpus and split ("" if none) of a file. The ids of its dialogues are `<name>#<position>`."""

    name: str
    corpus: str
    split: str

    @classmethod
    def of(cls, path: Path, name: str | None, corpus: str | None, split: str | None) -> FileLabels:
        """Return the given labels; those that are None are guessed from the path."""
        guess = guess_labels(path)
        return cls(
            guess.name if name is None else name,
            guess.corpus if corpus is None else corpus,
            guess.split if split is None else split,
        )


_CORPORA = {"meld": "meld", "masac": "masac", "emorynlp": "emorynlp", "goemotions": "goemotions"}
_SPLITS = {"train": "train", "val": "val", "valid": "val", "dev": "val", "test": "test"}


def guess_labels(path: Path) -> FileLabels:
    """Guess name, corpus and split from the name of a file and of its folder.

    >>> guess_labels(Path("data/MELD_val_efr.json"))
    FileLabels(name='MELD_val_efr', corpus='meld-fr', split='val')
    >>> guess_labels(Path("meld/dev_sent_emo.csv"))
    FileLabels(name='dev_sent_emo', corpus='meld', split='val')
    >>> guess_labels(Path("support_calls/train.json"))
    FileLabels(name='train', corpus='support-calls', split='train')
    """
    words = re.split(r"[^a-z]+", path.stem.casefold())
    folder = re.split(r"[^a-z]+", path.absolute().parent.name.casefold())
    corpus = next((_CORPORA[word] for word in (*words, *folder) if word in _CORPORA), "")
    task = {"efr": "-fr", "erc": "-erc"}.get(next((word for word in words if word in ("efr", "erc")), ""), "")
    split = next((_SPLITS[word] for word in words if word in _SPLITS), "")
    own = "-".join(word for word in words if word not in {"", "efr", "erc", *_SPLITS}) or "-".join(filter(None, folder))
    return FileLabels(path.stem, corpus + task if corpus else own or "own", split)


def kind_of(error: InputError) -> str:
    """Return the finding kind for an error raised while reading a file."""
    if isinstance(error.__cause__, UnicodeDecodeError):
        return "not-utf8"
    return "not-json" if isinstance(error.__cause__, json.JSONDecodeError) else "unreadable"
