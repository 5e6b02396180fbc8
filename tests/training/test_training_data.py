"""The cases of a run: where they come from, and what is refused before training."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_runs import make_case, make_cases, make_recipe, write_efr

from fliptrace.core.errors import InputError, RunError
from fliptrace.core.files import Json, hash_file
from fliptrace.core.flips import FlipCase
from fliptrace.corpora.groups import shared_groups
from fliptrace.training.data import TrainingData, load_training_data


def load(folder: Path, **data: object) -> TrainingData:
    """Load the files of `folder`, with the given keys in the recipe's table [data]."""
    table: Json = {"train": [str(folder / "train.json")], "val": [str(folder / "val.json")]} | data
    return load_training_data(make_recipe(data=table), None)


def without_first(case: FlipCase) -> FlipCase:
    """The same dialogue without its first utterance: another case of the same group."""
    dialogue = case.dialogue
    shorter = replace(dialogue, utterances=dialogue.utterances[1:])
    flip = replace(case.flip, source=case.flip.source - 1, target=case.flip.target - 1)
    return FlipCase(case.id, shorter, flip, frozenset({flip.target}))


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    write_efr(tmp_path / "train.json", make_cases(12))
    write_efr(tmp_path / "val.json", make_cases(4, "val"))
    return tmp_path


@pytest.fixture
def leaking(tmp_path: Path) -> Path:
    train = [make_case(number, length=7) for number in range(12)]
    write_efr(tmp_path / "train.json", train)
    write_efr(tmp_path / "val.json", [without_first(train[0]), without_first(train[5]), *make_cases(2, "val")])
    return tmp_path


def test_the_manifest_names_files_by_their_hash_and_counts(clean: Path) -> None:
    loaded = load(clean)
    train, val = str(clean / "train.json"), str(clean / "val.json")
    assert loaded.manifest["files"] == {
        train: {"sha256": hash_file(clean / "train.json"), "num_cases": 12, "num_left_out": 0},
        val: {"sha256": hash_file(clean / "val.json"), "num_cases": 4, "num_left_out": 0},
    }
    assert (loaded.manifest["num_train_cases"], loaded.manifest["num_val_cases"]) == (12, 4)
    assert loaded.notes == ()
    assert json.loads(json.dumps(loaded.manifest)) == loaded.manifest


def test_a_declaration_of_emotions_is_part_of_the_data(clean: Path) -> None:
    declared = clean / "emotions.toml"
    labels = ["anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise"]
    hashes = []
    for known in (labels, [*labels, "boredom"]):
        declared.write_text(f"labels = {json.dumps(known)}")
        for file in load(clean).manifest["files"].values():
            assert file["emotions_sha256"] == hash_file(declared)
        hashes.append(load(clean).manifest["files"])
    assert hashes[0] != hashes[1]  # so a run that was begun with other labels is refused


def test_cases_come_as_they_stand_in_the_files(clean: Path) -> None:
    loaded = load(clean)
    assert [case.id for case in loaded.train] == [f"train#{number}" for number in range(12)]
    assert [case.triggers for case in loaded.train] == [case.triggers for case in make_cases(12)]


def test_shared_groups_are_refused_with_their_counts(leaking: Path) -> None:
    counts = "2 of 4 evaluation cases share 2 groups of dialogues with 2 of 12 training cases"
    with pytest.raises(RunError, match=f"recipe data: {counts}, so scores would be too good"):
        load(leaking)


def test_shared_groups_are_reported_where_the_recipe_says_so(leaking: Path) -> None:
    loaded = load(leaking, shared_groups="report")
    [note] = loaded.notes
    assert note.startswith("2 of 4 evaluation cases share 2 groups")
    assert loaded.manifest["leaks"]["num_touched"] == 2
    assert len(loaded.val) == 4


@pytest.mark.parametrize("seed", range(3))
def test_a_split_anew_by_group_leaves_no_shared_group(leaking: Path, seed: int) -> None:
    table: Json = {"train": [str(leaking / "train.json")], "val": [str(leaking / "val.json")], "resplit": 0.3}
    loaded = load_training_data(make_recipe(data=table, seed=seed), None)
    assert shared_groups(loaded.train, loaded.val).groups == frozenset()
    ids = {case.id for case in (*loaded.train, *loaded.val)}
    assert len(ids) == len(loaded.train) + len(loaded.val) == 16
    assert 3 <= len(loaded.val) <= 7
    assert loaded.manifest["leaks"]["num_shared_groups"] == 0


def test_triggers_before_the_source_can_be_left_out_of_training_alone(tmp_path: Path) -> None:
    cases = [make_case(number, length=7) for number in range(6)]
    far = [replace(case, triggers=frozenset({0, case.flip.source, case.flip.target})) for case in cases]
    write_efr(tmp_path / "train.json", far)
    write_efr(tmp_path / "val.json", [replace(make_case(1, name="val", length=7), triggers=frozenset({0, 6}))])
    loaded = load(tmp_path, out_of_zone="leave out")
    assert [case.triggers for case in loaded.train] == [case.triggers - {0} for case in far if case.triggers]
    assert loaded.val[0].triggers == {0, 6}
    assert load(tmp_path).train[0].triggers == far[0].triggers


def test_a_quick_try_takes_the_first_cases(clean: Path) -> None:
    loaded = load(clean, max_train_cases=5, max_val_cases=2)
    assert [case.id for case in loaded.train] == [f"train#{number}" for number in range(5)]
    assert (loaded.manifest["num_train_cases"], loaded.manifest["num_val_cases"]) == (5, 2)


def test_two_files_of_one_name_are_refused(clean: Path) -> None:
    (clean / "more").mkdir()
    other = write_efr(clean / "more" / "train.json", make_cases(3, "other"))
    with pytest.raises(InputError, match="two cases have the id train#0; expected files with different names"):
        load(clean, train=[str(clean / "train.json"), str(other)])


@pytest.mark.parametrize("key", ["train", "val"])
def test_one_file_named_twice_is_refused(clean: Path, key: str) -> None:
    train = str(clean / "train.json")
    refs = [train, train] if key == "train" else [train]
    with pytest.raises(InputError, match=r"train\.json is listed twice"):
        load(clean, **{key: refs})


@pytest.mark.parametrize("name", ["train", "val"])
def test_unlabelled_cases_are_refused(clean: Path, name: str) -> None:
    cases = make_cases(4, name)
    write_efr(clean / f"{name}.json", [*cases[:3], replace(cases[3], triggers=None)])
    with pytest.raises(InputError, match=rf"{name}\.json: 1 cases have no triggers, the first is {name}#3"):
        load(clean)


def test_a_file_without_cases_is_refused(clean: Path) -> None:
    (clean / "val.json").write_text("[]")
    with pytest.raises(InputError, match=r"val\.json"):
        load(clean)


def test_cases_that_end_on_no_flip_are_counted_aloud(clean: Path) -> None:
    rows = json.loads((clean / "train.json").read_text())
    rows[0]["emotions"] = ["neutral"] * len(rows[0]["emotions"])
    (clean / "train.json").write_text(json.dumps(rows))
    loaded = load(clean)
    assert loaded.notes == ("train.json: 1 cases do not end on a flip, left out",)
    assert loaded.manifest["files"][str(clean / "train.json")]["num_left_out"] == 1
    assert len(loaded.train) == 11


def test_a_known_corpus_goes_by_name_and_split() -> None:
    recipe = make_recipe(data={"train": ["sample:train"], "val": ["sample:val"]})
    loaded = load_training_data(recipe, None)
    assert list(loaded.manifest["files"]) == ["sample:train", "sample:val"]
    assert loaded.manifest["leaks"]["num_shared_groups"] == 0
    assert len(loaded.train) > 100


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"train\.json: no such file"):
        load(tmp_path)
