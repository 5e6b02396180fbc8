"""Our own sample corpus, written for this project and shipped with it: English and Hindi-English, MaSaC's 8 emotions.

Small enough to try everything on within minutes, by no means enough to measure a model on. Built by
`tools/build_sample.py` from `data/sample/`; the cases are in the EFR form, the whole dialogues in MaSaC's ERC form.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.emotion_sets import MASAC8
from fliptrace.core.flips import FlipCase
from fliptrace.corpora.efr import read_efr
from fliptrace.corpora.masac_erc import read_masac_erc

SampleSplit = Literal["train", "val", "test"]
SAMPLE_SPLITS: tuple[SampleSplit, ...] = ("train", "val", "test")

_FOLDER = Path(__file__).parents[1] / "sample"


def sample_path(split: SampleSplit) -> Path:
    """Where the flip cases of a split lie."""
    return _FOLDER / f"{split}.json"


def load_sample(split: SampleSplit) -> tuple[FlipCase, ...]:
    """The flip cases of a split."""
    name = f"sample_{split}"
    return read_efr(sample_path(split), emotion_set=MASAC8, corpus="sample", split=split, name=name).cases


def load_sample_dialogues(split: SampleSplit) -> tuple[Dialogue, ...]:
    """The whole dialogues of a split, with what is said after their last flip."""
    path, name = _FOLDER / f"{split}_erc.json", f"sample_{split}_erc"
    return read_masac_erc(path, emotion_set=MASAC8, corpus="sample", split=split, name=name).dialogues
