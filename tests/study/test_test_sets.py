"""The test sets of a study: which cases they hold, and in which groups."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_study import write_corpus, write_study

from fliptrace.core.errors import InputError
from fliptrace.core.files import read_json
from fliptrace.corpora.leaks import find_leaks
from fliptrace.study.plan import read_study
from fliptrace.study.test_sets import TestSet, load_tests, load_track


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def toml(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(tmp_path_factory.mktemp("study"), corpus)


@pytest.fixture(scope="module")
def tests(toml: Path) -> Mapping[str, TestSet]:
    return load_tests(read_study(toml), toml.parent)


def texts(cases: TestSet) -> set[tuple[str, ...]]:
    return {tuple(utterance.text for utterance in case.dialogue.utterances) for case in cases.cases}


def test_there_is_a_val_a_held_out_part_and_the_further_file(tests: Mapping[str, TestSet]) -> None:
    assert {name: (test.title, len(test.cases)) for name, test in tests.items()} == {
        "own": ("the sample, val", 6),
        "own-held-out": ("the sample, dialogues kept out of training", 4),
        "further": ("cases of others", 3),
    }


def test_own_val_is_the_val_of_training(toml: Path, tests: Mapping[str, TestSet]) -> None:
    assert tests["own"].cases == load_track(read_study(toml), "own", toml.parent).val


def test_no_track_trains_on_what_is_held_out(toml: Path, tests: Mapping[str, TestSet]) -> None:
    for track in ("own", "more"):
        train = load_track(read_study(toml), track, toml.parent).train
        assert find_leaks(train, tests["own-held-out"].cases).is_clean
        assert find_leaks(train, tests["own"].cases).is_clean


def test_the_held_out_part_is_of_train_and_of_val(corpus: Path, tests: Mapping[str, TestSet]) -> None:
    held = {tuple(row["utterances"]) for row in read_json(corpus / "held.json")}
    assert texts(tests["own-held-out"]) == held
    assert {case.dialogue.split for case in tests["own-held-out"].cases} == {"train", "val"}


def test_cases_without_labels_are_left_out_of_a_further_file(corpus: Path, tests: Mapping[str, TestSet]) -> None:
    rows = read_json(corpus / "further.json")
    assert texts(tests["further"]) == {tuple(row["utterances"]) for row in rows if "triggers" in row}
    assert len(rows) == 6


def test_a_further_file_without_any_label_is_refused(corpus: Path, tmp_path: Path) -> None:
    unlabelled = [row for row in read_json(corpus / "further.json") if "triggers" not in row]
    (tmp_path / "bare.json").write_text(json.dumps(unlabelled))
    toml = write_study(tmp_path, corpus, ("tests.further.file", str(tmp_path / "bare.json")))
    with pytest.raises(InputError, match=r"study tiny, tests\.further: no case of .*bare\.json has labels"):
        load_tests(read_study(toml), tmp_path)


def test_a_case_has_the_same_group_whichever_track_is_tested(corpus: Path, tmp_path: Path) -> None:
    """A track with more training data groups val differently in training, but is tested on the other's test set."""
    both = write_study(tmp_path / "both", corpus, ("tracks.more.tests", None), ("tracks.own.tests", ["more"]))
    one = write_study(tmp_path / "one", corpus)
    by_more, by_own = (load_tests(read_study(toml), tmp_path) for toml in (both, one))
    assert groups(by_more["more"]) == groups(by_own["own"])
    assert groups(by_more["more-held-out"]) == groups(by_own["own-held-out"])
    assert by_more["more"].groups_sha256 == by_own["own"].groups_sha256


def groups(test: TestSet) -> dict[str, str]:
    return {case.id: case.dialogue.group for case in test.cases}


def test_the_hash_of_groups_tells_other_cases_and_other_groups_apart(tests: Mapping[str, TestSet]) -> None:
    own = tests["own"]
    first = own.cases[0]
    moved = replace(first, dialogue=replace(first.dialogue, group="another"))
    others = [own.cases[1:], (moved, *own.cases[1:]), own.cases[::-1]]
    hashes = {replace(own, cases=cases).groups_sha256 for cases in (own.cases, *others)}
    assert len(hashes) == 4 and replace(own, title="t").groups_sha256 == own.groups_sha256


def test_without_the_english_corpora_nothing_is_sliced_by_english(tests: Mapping[str, TestSet]) -> None:
    assert {name for name, test in tests.items() if test.code_mixing is not None} == set()
