"""The bundled sample corpus, written for this project: English and Hindi-English, with MaSaC's 8 emotions.

It is small enough to try every command within minutes, and far too small to measure the quality of a model. It is built
by `tools/build_sample.py` from `data/sample/`. Flip cases are in the EFR format, whole dialogues in MaSaC's ERC format.
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
    """Return the path of the flip cases of a split."""
    return _FOLDER / f"{split}.json"


def load_sample(split: SampleSplit) -> tuple[FlipCase, ...]:
    """Load the flip cases of a split."""
    name = f"sample_{split}"
    return read_efr(sample_path(split), emotion_set=MASAC8, corpus="sample", split=split, name=name).cases


def load_sample_dialogues(split: SampleSplit) -> tuple[Dialogue, ...]:
    """Load the whole dialogues of a split, including the utterances after the last flip."""
    path, name = _FOLDER / f"{split}_erc.json", f"sample_{split}_erc"
    return read_masac_erc(path, emotion_set=MASAC8, corpus="sample", split=split, name=name).dialogues
