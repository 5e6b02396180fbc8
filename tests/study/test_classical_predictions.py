"""Classical models as baselines: their prediction files are read and scored like all others."""

from __future__ import annotations

from pathlib import Path

import pytest

from fliptrace.core.errors import InputError
from fliptrace.corpora.sample import load_sample, load_sample_dialogues
from fliptrace.models.classical.boosted_trees import TriggerTrees, fit_trigger_trees
from fliptrace.models.classical.trigger_words import fit_trigger_words
from fliptrace.models.classical.word_counts import fit_word_counts
from fliptrace.predictions.rows import read_manifest, read_predictions
from fliptrace.scoring.emotions import score_emotions
from fliptrace.scoring.intervals import Settings
from fliptrace.scoring.scores import score_trigger_file
from fliptrace.study.classical_predictions import (
    predict_by_support,
    write_trees_predictions,
    write_word_counts_predictions,
)


@pytest.fixture(scope="module")
def trees() -> TriggerTrees:
    return fit_trigger_trees(load_sample("train"), num_forests=1)


def test_the_file_of_the_trees_is_an_ordinary_prediction_file(tmp_path: Path, trees: TriggerTrees) -> None:
    path, cases = tmp_path / "trees.jsonl", load_sample("val")
    written = write_trees_predictions(trees, cases, 0.4, path, {"train": "sample:train"})
    assert read_predictions(path) == written
    assert [row.id for row in written] == [case.id for case in cases]
    manifest = read_manifest(path)
    assert (manifest["model"], manifest["threshold"], manifest["data"]) == (
        "boosted-trees",
        0.4,
        {"train": "sample:train"},
    )


def test_trees_are_scored_like_any_model_and_beat_naming_the_previous_utterance(trees: TriggerTrees) -> None:
    scores = score_trigger_file(predict_by_support(trees, load_sample("val"), 0.4), Settings(), "val").to_json()
    assert scores["num_unparsed"] == 0
    assert scores["trigger_f1"] > scores["baselines"]["previous"]["trigger_f1"]


def test_a_higher_threshold_names_fewer_utterances(trees: TriggerTrees) -> None:
    few, many = (
        sum(len(row.vote.triggers) for row in predict_by_support(trees, load_sample("val"), t)) for t in (0.7, 0.2)
    )
    assert few < many


@pytest.mark.parametrize("threshold", [0.0, 1.1])
def test_a_threshold_out_of_range_is_refused(trees: TriggerTrees, threshold: float) -> None:
    with pytest.raises(InputError, match="expected more than 0 and at most 1"):
        predict_by_support(trees, load_sample("val"), threshold)


def test_the_file_of_word_counts_is_an_ordinary_prediction_file(tmp_path: Path) -> None:
    path, dialogues = tmp_path / "words.jsonl", load_sample_dialogues("val")
    words = fit_word_counts(load_sample_dialogues("train"))
    written = write_word_counts_predictions(words, dialogues, path, {"train": "sample:train"})
    assert read_predictions(path) == written
    assert score_emotions(written).num_utterances == sum(map(len, dialogues))
    assert read_manifest(path)["model"] == "word-counts"


def test_any_model_of_supports_gives_ordinary_predictions() -> None:
    cases = load_sample("val")
    words = fit_trigger_words(load_sample("train"))
    rows = predict_by_support(words, cases, 0.3)
    assert [row.vote.support for row in rows] == list(words.supports(cases))
    assert all(row.vote.triggers == {i for i, s in enumerate(row.vote.support) if s >= 0.3} for row in rows)
