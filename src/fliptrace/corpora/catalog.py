"""Catalog of supported corpora: where they are published, their licences, and the checksums of their files.

Downloading is in fetch.py. The official test sets are not listed, because their checksums are not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from fliptrace.core.errors import InputError
from fliptrace.corpora.sample import SAMPLE_SPLITS, sample_path

_RAW = "https://raw.githubusercontent.com"


@dataclass(frozen=True, slots=True)
class DataFile:
    """One published file. `split` is "" for a side file. Exactly one of `sha256` and `git_blob` is set."""

    name: str
    split: str
    url: str
    sha256: str = ""
    git_blob: str = ""  # SHA-1 of b"blob <size>\0" + content, as computed by git

    @property
    def checksum(self) -> str:
        return f"sha256 {self.sha256}" if self.sha256 else f"git blob {self.git_blob}"


@dataclass(frozen=True, slots=True)
class DataSet:
    name: str
    description: str
    licence: str
    files: tuple[DataFile, ...]
    is_evaluation_only: bool = False

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(file.split for file in self.files if file.split)


def _url(repository: str, branch: str, path: str) -> str:
    return f"{_RAW}/{repository}/{branch}/{quote(path)}"


def _emotion_flips(path: str) -> str:
    return _url("LCS2-IIITD/Emotion-Flip-Reasoning", "master", f"Data/{path}")


def _semeval(path: str) -> str:
    return _url("LCS2-IIITD/EDiReF-SemEval2024", "main", f"Data/{path}")


def _declare_lab(path: str) -> str:
    return _url("declare-lab/MELD", "master", f"data/{path}")


def _goemotions(path: str) -> str:
    return _url("monologg/GoEmotions-pytorch", "master", f"data/ekman/{path}")


def _reccon(path: str) -> str:
    return _url("declare-lab/RECCON", "main", f"data/original_annotation/{path}")


_DATA_SETS = (
    DataSet(
        "meld-fr",
        "emotion flips and their triggers in Friends, English (SemEval-2024 Task 10 C)",
        "none stated; built on MELD (GPL-3.0)",
        (
            DataFile(
                "MELD_train_efr.json",
                "train",
                _emotion_flips("MELD_train_efr.json"),
                "9029d884336dc1fb4f5b642f0f7896eea3ca9c68f288751d272e3a49647bee61",
            ),
            DataFile(
                "MELD_val_efr.json",
                "val",
                _emotion_flips("MELD_dev_efr.json"),  # published under both names
                "fb0baf172f178e92843853189a48866438342c7f4740845627fdfe2f66ce5a63",
            ),
        ),
    ),
    DataSet(
        "masac-fr",
        "emotion flips and their triggers in Sarabhai vs Sarabhai, Hindi-English (SemEval-2024 Task 10 B)",
        "none stated",
        (
            DataFile(
                "MaSaC_train_efr.json",
                "train",
                _semeval("Task B/MaSaC_train_efr.json"),
                git_blob="116eda16701f3ecbf8e2e67d4516131c2ecf40c3",
            ),
            DataFile(
                "MaSaC_val_efr.json",
                "val",
                _semeval("Task B/MaSaC_val_efr.json"),
                "2b5c08955734be930a6a1e5121bbfd61bb783147eb144bc4c861ee75cabe340f",
            ),
        ),
    ),
    DataSet(
        "masac-erc",
        "an emotion for every utterance of Sarabhai vs Sarabhai, Hindi-English (SemEval-2024 Task 10 A)",
        "none stated",
        (
            DataFile(
                "MaSaC_train_erc.json",
                "train",
                _semeval("Task A/MaSaC_train_erc.json"),
                "706389108fb623d38be766ffa8f2bec9717c4c0e2e7d25424a2a7b1b43ff830d",
            ),
            DataFile(
                "MaSaC_val_erc.json",
                "val",
                _semeval("Task A/MaSaC_val_erc.json"),
                "0a72eb6f85ca8444d59ceb6f9c4bcde7e9048a75baeda43ae10c37d8d84d8d3a",
            ),
        ),
    ),
    DataSet(
        "meld",
        "MELD: an emotion for every utterance, Friends, English",
        "GPL-3.0",
        (
            DataFile(
                "train_sent_emo.csv",
                "train",
                _declare_lab("MELD/train_sent_emo.csv"),
                "d2fa2d6529cf03cac2989efec05c9b27d8fd2f4c8fc5974c7ae88aa537fa02db",
            ),
            DataFile(
                "dev_sent_emo.csv",
                "val",
                _declare_lab("MELD/dev_sent_emo.csv"),
                "2e89c6f8aa182d6f62f8c6331aece905ac7273ca4999660bfb5213e1d0370c1c",
            ),
        ),
    ),
    DataSet(
        "emorynlp",
        "EmoryNLP: an emotion of another set of seven for every utterance, Friends, English; scenes overlap with MELD",
        "see github.com/emorynlp/emotion-detection",
        (
            DataFile(
                "emorynlp_train_final.csv",
                "train",
                _declare_lab("emorynlp/emorynlp_train_final.csv"),
                "462c66c333783adb801836d12d1424f48489bef4fb8ddfec7fbb2f08ce8211d5",
            ),
            DataFile(
                "emorynlp_dev_final.csv",
                "val",
                _declare_lab("emorynlp/emorynlp_dev_final.csv"),
                "20edc9d5917fe705b17b849f7f288e495d4132a60353a6247c3800445bdf8734",
            ),
        ),
    ),
    DataSet(
        "goemotions-ekman",
        "GoEmotions: single Reddit comments under Ekman's six emotions and neutral, English",
        "CC BY 4.0",
        (
            DataFile(
                "train.tsv",
                "train",
                _goemotions("train.tsv"),
                "bb74d10aec0975674c665205741ba9fe644cd70f682214624997f3770fd9e53f",
            ),
            DataFile(
                "dev.tsv",
                "val",
                _goemotions("dev.tsv"),
                "011e6579adc4d9bb2ffd908879b99e1594e7647b262cbb2e1c5c9c1c4d7d8bcc",
            ),
            DataFile(
                "labels.txt",
                "",
                _goemotions("labels.txt"),
                "5ecd91c315ebf550ac798f06549e35a6ee1fb90866608fd640c24d520dc6aa0c",
            ),
        ),
    ),
    DataSet(
        "reccon",
        "RECCON: emotion flips in DailyDialog and the causes of the emotions, English; for evaluation only",
        "DailyDialog text CC BY-NC-SA 4.0 (non-commercial)",
        (
            DataFile(
                "dailydialog_train.json",
                "train",
                _reccon("dailydialog_train.json"),
                "fa95b143883d210f8974e6f64cf2389ec2c12b0e5064b165ba706307d55cb99c",
            ),
            DataFile(
                "dailydialog_valid.json",
                "val",
                _reccon("dailydialog_valid.json"),
                "0644f3f8166c16eb71019294b8a41236771ffb01f2504921dd820807f0e766ad",
            ),
        ),
        is_evaluation_only=True,
    ),
)

_SPLIT_NAMES = {"valid": "val", "dev": "val"}  # the names some corpora use

CATALOG: Mapping[str, DataSet] = {data_set.name: data_set for data_set in _DATA_SETS}


def find_data_set(name: str) -> DataSet:
    """Return a corpus by name; InputError lists the known names."""
    if name not in CATALOG:
        raise InputError(f"corpus {name!r}", f"not known; expected one of {', '.join(CATALOG)}")
    return CATALOG[name]


def data_dir(root: Path | None) -> Path:
    """Return the folder of corpora: `root` if given, else the cache folder for downloads."""
    if root is not None:
        return root
    import pooch

    return Path(pooch.os_cache("fliptrace"))


def find_file(data_set: DataSet, file: DataFile, root: Path | None) -> Path | None:
    """Find a file of a corpus at `<root>/<corpus>/<file>` or `<root>/<file>`; None if it is in neither place."""
    folder = data_dir(root)
    candidates = (folder / data_set.name / file.name, folder / file.name)
    return next((path for path in candidates if path.is_file()), None)


def locate(name: str, split: str, root: Path | None = None) -> Path:
    """Return the file of one split of a known corpus, or of the bundled "sample"; InputError if it does not exist."""
    if name == "sample":
        splits = [known for known in SAMPLE_SPLITS if known == split]
        if splits:
            return sample_path(splits[0])
        raise InputError("corpus 'sample'", f"no split {split!r}; expected one of {', '.join(SAMPLE_SPLITS)}")
    data_set = find_data_set(name)
    split_name = _SPLIT_NAMES.get(split, split)
    file = next((file for file in data_set.files if file.split == split_name), None)
    if file is None or not split:
        raise InputError(f"corpus {name!r}", f"no split {split!r}; expected one of {', '.join(data_set.splits)}")
    path = find_file(data_set, file, root)
    if path is None:
        raise InputError(
            f"corpus {name!r}",
            f"{file.name} not found; run: fliptrace data fetch {name}, or " + where_to_put(data_set, file, root),
        )
    return path


def locate_ref(ref: str, root: Path | None = None) -> Path:
    """Return the file for a reference: `NAME:SPLIT` of a known corpus, or a path."""
    name, colon, split = ref.partition(":")
    return locate(name, split, root) if colon and not Path(ref).exists() else Path(ref)


def where_to_put(data_set: DataSet, file: DataFile, root: Path | None) -> str:
    """Return an instruction for users who cannot download the file."""
    return f"put it at {data_dir(root) / data_set.name / file.name} yourself: {file.url} ({file.checksum})"
