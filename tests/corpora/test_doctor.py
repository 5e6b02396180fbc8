import json
from pathlib import Path

import pytest

from fliptrace.core.errors import InputError
from fliptrace.corpora.detect import detect_form, read_corpus
from fliptrace.corpora.doctor import examine


@pytest.mark.parametrize(
    ("file", "form"),
    [
        ("efr/MELD_train_efr.json", "efr"),
        ("efr/MaSaC_test_efr.json", "efr"),
        ("masac-erc/MaSaC_train_erc.json", "masac-erc"),
        ("masac-erc/MaSaC_test_erc.json", "masac-erc"),
        ("meld/train_sent_emo.csv", "meld-erc"),
        ("emorynlp/emorynlp_train_final.csv", "emorynlp"),
        ("goemotions-ekman/dev.tsv", "goemotions"),
        ("emorynlp/exclude_scenes.json", None),
        ("goemotions-ekman/labels.txt", None),
    ],
)
def test_the_form_is_told_by_the_content(file: str, form: str | None, fixtures: Path, tmp_path: Path) -> None:
    assert detect_form(fixtures / file) == form
    renamed = tmp_path / "some.file"
    renamed.write_bytes((fixtures / file).read_bytes())
    # With emotions but no triggers, only the name tells an EFR case from a dialogue.
    assert detect_form(renamed) == (None if file.endswith("train_erc.json") else form)


def test_a_folder_stands_for_the_files_in_it(fixtures: Path) -> None:
    report = examine([fixtures])
    assert len(report.files) == 8
    assert not report.has_errors
    json.dumps(report.to_json(), allow_nan=False)


def test_counts_of_an_efr_file(fixtures: Path) -> None:
    (file,) = examine([fixtures / "efr" / "MELD_train_efr.json"]).files
    assert (file.task, file.corpus, file.split, file.num_flips, file.num_dialogues) == ("efr", "meld-fr", "train", 4, 2)
    assert (file.num_utterances, file.num_left_out, file.num_groups) == (8, 0, 2)
    assert file.emotions == {"neutral": 3, "joy": 2, "anger": 2, "sadness": 1}
    triggers = file.triggers
    assert triggers is not None
    assert (triggers.num_labelled, triggers.num_triggers, triggers.num_without_triggers) == (4, 3, 1)
    assert (triggers.num_self, triggers.num_previous, triggers.num_before_source) == (0, 3, 0)


def test_overlaps_of_each_pair_of_files(fixtures: Path) -> None:
    files = [fixtures / "efr" / "MELD_train_efr.json", fixtures / "meld" / "train_sent_emo.csv"]
    (overlap,) = examine([*files, fixtures / "masac-erc" / "MaSaC_train_erc.json"]).overlaps
    assert (overlap.left, overlap.right) == tuple(map(str, files))
    assert (overlap.num_groups, overlap.num_left, overlap.num_right) == (1, 3, 1)


def test_every_error_of_every_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "a_efr.json").write_text('[{"speakers": []}, 3]')
    (tmp_path / "b.csv").write_text("what is this")
    (tmp_path / "c.json").write_text('{"a": 1}')
    (tmp_path / "d.json").write_text("[")
    report = examine([tmp_path, tmp_path / "e.tsv"])
    assert report.has_errors
    assert [[finding.kind for finding in file.findings] for file in report.files] == [
        ["missing-list", "not-an-object"],
        ["missing-column"],
        ["unknown-form"],
        ["not-json"],
        ["unreadable", "unreadable"],
    ]


def test_reading_for_use_stops_at_the_first_error(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text('{"a": 1}')
    with pytest.raises(InputError, match=r"c\.json: expected EFR or ERC"):
        read_corpus(path)


def test_an_empty_folder_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file found that ends with"):
        examine([tmp_path])
