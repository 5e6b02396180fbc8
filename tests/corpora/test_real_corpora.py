"""The published corpora have the counts that docs/data.md states."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from fliptrace.corpora.corpus_file import EfrFile, ErcFile, group_files
from fliptrace.corpora.detect import read_corpus
from fliptrace.corpora.doctor import FileReport, examine
from fliptrace.corpora.groups import group_of, shared_groups
from fliptrace.corpora.leaks import drop_leaks, find_leaks

MELD = ("meld-fr/MELD_train_efr.json", "meld-fr/MELD_val_efr.json", "meld/train_sent_emo.csv", "meld/dev_sent_emo.csv")
MASAC = (
    "masac-fr/MaSaC_train_efr.json",
    "masac-fr/MaSaC_val_efr.json",
    "masac-erc/MaSaC_train_erc.json",
    "masac-erc/MaSaC_val_erc.json",
)


def read(root: Path, names: Sequence[str]) -> tuple[EfrFile | ErcFile, ...]:
    missing = [name for name in names if not (root / name).is_file()]
    if missing:
        pytest.skip(f"no {', '.join(missing)} in {root}")
    return group_files([read_corpus(root / name) for name in names])


@pytest.fixture(scope="module")
def meld(data_root: Path) -> tuple[EfrFile | ErcFile, ...]:
    return read(data_root, MELD)


@pytest.fixture(scope="module")
def masac(data_root: Path) -> tuple[EfrFile | ErcFile, ...]:
    return read(data_root, MASAC)


def examine_one(data_root: Path, name: str) -> FileReport:
    return examine([data_root / name]).files[0]


def test_meld_fr_train(data_root: Path) -> None:
    file = examine_one(data_root, MELD[0])
    triggers = file.triggers
    assert triggers is not None
    assert (file.num_flips, file.num_left_out, triggers.num_labelled) == (4000, 0, 4000)
    assert (triggers.num_without_triggers, triggers.num_triggers, triggers.num_self) == (341, 5575, 1252)
    assert (triggers.num_previous, triggers.num_before_source) == (2706, 988)
    places = {finding.kind: finding.num_places for finding in file.findings}
    assert places == {
        "wrong-encoding": 1085,
        "nan-trigger": 9,
        "one-speaker": 214,
        "contradictory-labels": 2,
        "contradictory-emotions": 5,  # two scenes stand there twice, each with another label for one utterance
    }


def test_meld_fr_val(data_root: Path) -> None:
    file = examine_one(data_root, MELD[1])
    assert file.triggers is not None
    assert (file.num_flips, file.num_left_out, file.triggers.num_triggers) == (426, 0, 494)
    places = {finding.kind: finding.num_places for finding in file.findings}
    assert places == {"wrong-encoding": 968, "nan-trigger": 1, "one-speaker": 8}


def test_masac_fr_val(data_root: Path) -> None:
    file = examine_one(data_root, MASAC[1])
    assert (file.num_flips, file.num_left_out) == (389, 0)


def test_masac_fr_train(data_root: Path) -> None:
    file = read_corpus(data_root / MASAC[0])
    # 4,706 cases end with a flip as written, and 5 more once "maya " and "maya" are one speaker.
    assert (len(file.members), len(file.left_out)) == (4711, 182)


def test_erc_files(meld: Sequence[ErcFile], masac: Sequence[ErcFile]) -> None:
    assert [len(file.members) for file in (*meld[2:], *masac[2:])] == [1038, 114, 343, 46]


def test_meld_train_and_val_share_nothing(meld: Sequence[EfrFile]) -> None:
    train, val, erc_train, erc_val = (file.members for file in meld)
    assert not shared_groups([*train, *erc_train], [*val, *erc_val]).groups
    assert find_leaks([*train, *erc_train], [*val, *erc_val]).is_clean


def test_every_meld_fr_case_stands_in_a_dialogue_of_meld(meld: Sequence[EfrFile]) -> None:
    train, val, erc_train, erc_val = (file.members for file in meld)
    assert shared_groups(train, erc_train).num_left == 4000
    assert shared_groups(val, erc_val).num_left == 426


def test_number_of_groups(meld: Sequence[EfrFile], masac: Sequence[EfrFile]) -> None:
    def num_groups(files: Sequence[EfrFile]) -> int:
        return len({group_of(m) for file in files for m in (*file.members, *file.left_out)})

    # MELD has 1,174 groups by runs alone (1,171 to 1,191 with other normalisations); openings join some of them.
    assert (num_groups(meld), num_groups(masac)) == (1149, 506)


def test_nearly_all_of_masac_val_leaks(masac: Sequence[EfrFile]) -> None:
    train, val, _, erc_val = masac
    published = [*train.members, *train.left_out]
    assert shared_groups(published, val.members).num_right == 385
    assert shared_groups(train.members, val.members).num_right == 384  # one more shares only with left-out cases
    assert shared_groups(train.members, erc_val.members).num_right == 45


def test_nothing_leaks_once_leaks_are_dropped(masac: Sequence[EfrFile]) -> None:
    train, val, *_ = masac
    kept = drop_leaks(train.members, val.members)
    assert 0 < len(kept) < len(train.members)
    assert find_leaks(kept, val.members).is_clean


def test_emorynlp_leaves_out_116_scenes(data_root: Path) -> None:
    files = read(data_root, ("emorynlp/emorynlp_train_final.csv", "emorynlp/emorynlp_dev_final.csv"))
    assert [(len(file.members), len(file.left_out)) for file in files] == [(562, 97), (70, 19)]


def test_goemotions_leaves_out_comments_with_several_emotions(data_root: Path) -> None:
    files = read(data_root, ("goemotions-ekman/train.tsv", "goemotions-ekman/dev.tsv"))
    assert [(len(file.members), len(file.left_out)) for file in files] == [(39555, 3855), (4946, 480)]
