"""The statistics of a track's data: counts only, equal to those in the documentation of the corpora."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fliptrace.corpora.catalog import locate
from fliptrace.corpora.detect import read_flip_cases
from fliptrace.corpora.efr import read_efr
from fliptrace.corpora.sample import sample_path
from fliptrace.study.facts import split_facts, track_facts


@pytest.fixture(scope="module")
def fixture_file() -> Path:
    return Path(__file__).parents[1] / "fixtures" / "efr" / "MELD_train_efr.json"


def test_a_split_is_described_by_counts(fixture_file: Path) -> None:
    facts = split_facts(read_efr(fixture_file).cases)
    assert (facts["num_flips"], facts["num_dialogues"], facts["num_groups"]) == (4, 2, 2)
    assert (facts["num_triggers"], facts["triggers_per_flip"]) == (3, 0.75)
    assert (facts["share_without_trigger"], facts["share_before_source"]) == (0.25, 0.0)
    assert facts["triggers_by_distance"] == {"1": 3}
    assert sum(facts["flip_types"].values()) == 4


def test_what_nobody_labelled_is_in_no_share(fixture_file: Path) -> None:
    cases = read_efr(fixture_file).cases
    unlabelled = [replace(case, triggers=None) for case in cases]
    facts = split_facts(unlabelled)
    assert (facts["num_flips"], facts["num_labelled"], facts["num_triggers"]) == (4, 0, 0)
    assert facts["triggers_per_flip"] is facts["share_without_trigger"] is facts["share_before_source"] is None
    assert split_facts([*cases[:1], *unlabelled])["triggers_per_flip"] == 1


def test_labels_before_known_from_are_in_no_share(fixture_file: Path) -> None:
    case = read_efr(fixture_file).cases[1]
    early = replace(case, triggers=frozenset({0, 2}))
    assert split_facts([early])["share_before_source"] == 0.5
    facts = split_facts([replace(early, known_from=case.flip.source)])
    assert (facts["num_triggers"], facts["num_known_whole"], facts["share_before_source"]) == (1, 0, None)


def test_flip_types_stand_by_how_often_they_are() -> None:
    types = split_facts(read_efr(sample_path("train")).cases)["flip_types"]
    assert list(types.values()) == sorted(types.values(), reverse=True)


def test_the_facts_of_a_track_contain_none_of_its_text() -> None:
    files = {split: read_efr(sample_path(split)) for split in ("train", "val", "test")}
    facts = track_facts(files, share=0.2, seed=0)
    written = json.dumps(facts, allow_nan=False)
    assert facts == json.loads(written)
    assert list(facts["splits"]) == ["train", "val", "test"]
    texts = [utterance.text for case in files["train"].cases for utterance in case.dialogue.utterances]
    assert [text for text in texts if len(text) > 12 and text in written] == []


def test_a_division_by_group_leaks_nothing(fixture_file: Path) -> None:
    file = read_efr(fixture_file)
    facts = track_facts({"train": file, "val": file}, share=0.5, seed=0)
    official, by_group = facts["leaks"]["official"], facts["leaks"]["by group"]
    assert (official["num_shared_groups"], official["num_touched"]) == (2, 4)
    assert (by_group["num_shared_groups"], by_group["num_train"] + by_group["num_evaluation"]) == (0, 8)


@pytest.mark.parametrize(
    ("corpus", "num_touched", "num_triggers", "without"),
    [("meld-fr", 0, (5575, 494), (341, 24)), ("masac-fr", 383, (5791, 434), (150, 1))],
)
def test_the_real_tracks(
    corpus: str, num_touched: int, num_triggers: tuple[int, int], without: tuple[int, int], data_root: Path
) -> None:
    files = {split: read_flip_cases(locate(corpus, split, data_root)) for split in ("train", "val")}
    facts = track_facts(files, share=0.1, seed=0)
    assert facts["leaks"]["official"]["num_touched"] == num_touched
    assert facts["leaks"]["by group"]["num_touched"] == 0
    splits = facts["splits"].values()
    assert tuple(split["num_triggers"] for split in splits) == num_triggers
    assert tuple(round(split["share_without_trigger"] * split["num_labelled"]) for split in splits) == without
