"""The baselines of a study: each is fitted by its name, on the same cases, and predicts any cases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fliptrace.core.errors import InputError
from fliptrace.corpora.sample import load_sample
from fliptrace.models.classical.boosted_trees import fit_trigger_trees
from fliptrace.models.rules import RULES
from fliptrace.predictions.rows import Prediction
from fliptrace.scoring.triggers import score_triggers
from fliptrace.study.baselines import BASELINES, Baseline, fit_baseline, predict_by_support
from fliptrace.training.encoder.model import EncoderSpec, load_encoder

TRAIN, VAL = load_sample("train")[:80], load_sample("val")[:20]
ENCODER = EncoderSpec(epochs=0.1, device="cpu")


def fit(name: str, folder: Path, seed: int = 0, **more: Any) -> Baseline:
    return fit_baseline(name, TRAIN, window=4, seed=seed, folder=folder, encoder=ENCODER, **more)


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_gives_ordinary_predictions_in_the_order_of_the_cases(tmp_path: Path, name: str) -> None:
    rows = fit(name, tmp_path / "encoder").predict(VAL)
    assert [row.id for row in rows] == [case.id for case in VAL]
    assert [Prediction.from_json(row.to_json()) for row in rows] == rows
    scores = score_triggers(rows)
    assert (scores.num_unparsed, scores.num_answers) == (0, len(VAL))


@pytest.mark.parametrize("name", BASELINES)
def test_another_seed_makes_another_model_only_where_it_is_said_to(tmp_path: Path, name: str) -> None:
    one, same, other = (fit(name, tmp_path / f"encoder {n}", seed).predict(VAL) for n, seed in enumerate((0, 0, 1)))
    assert one == same
    assert (one != other) is BASELINES[name].has_seed


@pytest.mark.parametrize("name", RULES)
def test_a_rule_names_what_it_would_as_a_model(tmp_path: Path, name: str) -> None:
    named = [row.vote.triggers for row in fit(name, tmp_path).predict(VAL)]
    assert named == [RULES[name].name_triggers(case) for case in VAL]


@pytest.mark.parametrize("name", sorted(set(BASELINES) - set(RULES)))
def test_a_learned_baseline_scores_the_last_utterances_and_no_others(tmp_path: Path, name: str) -> None:
    for case, row in zip(VAL, fit(name, tmp_path / "encoder").predict(VAL), strict=True):
        scored = [i for i, share in enumerate(row.vote.support) if share > 0]
        assert scored == list(range(max(0, case.flip.target - 3), case.flip.target + 1))


def test_trees_beat_naming_the_utterance_before() -> None:
    trees, val = fit_trigger_trees(load_sample("train"), num_forests=1), load_sample("val")
    assert (
        score_triggers(predict_by_support(trees, val, 0.4)).f1 > score_triggers(fit("previous", Path()).predict(val)).f1
    )


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.7])
def test_utterances_are_named_whose_support_reaches_the_threshold(threshold: float) -> None:
    trees = fit_trigger_trees(TRAIN, num_forests=1)
    rows = predict_by_support(trees, VAL, threshold)
    assert [row.vote.support for row in rows] == list(trees.supports(VAL))
    assert all(row.vote.triggers == {i for i, s in enumerate(row.vote.support) if s >= threshold} for row in rows)


def test_only_an_encoder_costs_steps_and_leaves_a_folder(tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    fitted = fit("encoder", tmp_path / "encoder", on_step=lambda *step: steps.append(step))
    assert fitted.cost is not None
    assert steps[-1] == (fitted.cost["num_steps"], fitted.cost["num_steps"])
    assert load_encoder(tmp_path / "encoder").supports(VAL) == tuple(row.vote.support for row in fitted.predict(VAL))
    assert fit("trees", tmp_path / "trees").cost is None
    assert not (tmp_path / "trees").exists()


def test_an_unknown_name_is_refused_with_the_nearest_known_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="baseline 'tree': not known; did you mean 'trees'"):
        fit("tree", tmp_path)
