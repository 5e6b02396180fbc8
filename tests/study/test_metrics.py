"""Metrics of a cell, computed from predictions."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from run_inference import name_triggers
from toy_cases import CAFE, case

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json
from fliptrace.core.flips import FlipCase
from fliptrace.core.messages import Answer
from fliptrace.core.voting import Vote
from fliptrace.inference.config import InferenceConfig
from fliptrace.models.base import Decoding
from fliptrace.models.rules import RULES
from fliptrace.models.scripted import ScriptedModel
from fliptrace.predictions.rows import Prediction
from fliptrace.scoring.triggers import score_triggers
from fliptrace.study.metrics import evaluation_metrics, f1_of

DINNER = case(("Ana", "joy"), ("Ben", "joy"), ("Ana", "fear"), triggers={1}, id="dinner")
WALK = case(("Ana", "joy"), ("Ben", "joy"), ("Cem", "joy"), ("Ana", "fear"), triggers={2, 3}, id="walk")
CASES = (CAFE, DINNER, WALK)
SAMPLED = InferenceConfig(decoding=Decoding(kind="sample", num_samples=4))
# CAFE is wrong in two of four samples, DINNER in one, WALK in all of them.
REPLIES = {
    "cafe": ["Triggers: 3, 5", "Triggers: 3, 5", "Triggers: 6", "no idea"],
    "dinner": ["Triggers: 2", "Triggers: 2", "Triggers: 2", "Triggers: none"],
    "walk": ["Triggers: 1"] * 4,
}


def sampled() -> list[Prediction]:
    return list(name_triggers(ScriptedModel(REPLIES), CASES, SAMPLED))


def by_rule(cases: Sequence[FlipCase]) -> Json:
    return evaluation_metrics(
        list(name_triggers(RULES["previous"], cases, InferenceConfig())), cases, InferenceConfig()
    )


def test_an_evaluation_has_counts_by_group_that_give_the_f1_of_the_score() -> None:
    predictions = sampled()
    metrics = evaluation_metrics(predictions, CASES, SAMPLED)
    assert {name: metrics[name] for name in ("ask", "decode", "num_samples", "judge", "threshold")} == {
        "ask": "answer",
        "decode": "sample",
        "num_samples": 4,
        "judge": False,
        "threshold": 0.5,
    }
    assert (metrics["tp"], metrics["wrong"]) == ([2, 1, 0], [0, 0, 3])
    assert f1_of(metrics) == score_triggers(predictions).f1
    assert metrics["exact_match"] == 0.666667
    assert (metrics["num_answers"], metrics["num_unparsed"], metrics["anomalies"]["unreadable"]) == (12, 0, 1)


def test_the_k_curve_goes_from_one_sample_to_all() -> None:
    metrics = evaluation_metrics(sampled(), CASES, SAMPLED)
    assert [point["k"] for point in metrics["k_curve"]] == [1, 3, 4]
    assert (metrics["k_curve"][-1]["tp"], metrics["k_curve"][-1]["wrong"]) == ([2, 1, 0], [0, 0, 3])
    assert f1_of(metrics["k_curve"][-1]) == f1_of(metrics)
    assert metrics["agreement"] == 0.75
    assert metrics["calibration"]["num_missed"] == 2
    assert len(metrics["risk_coverage"]["f1"]) == 20
    assert set(metrics["left_out"]) == {"tp", "wrong", "threshold"}


def test_slices_add_up_and_code_mixing_is_there_where_it_is_known() -> None:
    mixing = {"cafe": "0-12%", "dinner": "0-12%", "walk": "20%+"}
    slices = evaluation_metrics(sampled(), CASES, SAMPLED, code_mixing=mixing)["slices"]
    assert list(slices) == ["flip_type", "distance", "speakers", "length", "code_mixing"]
    assert slices["code_mixing"] == {"0-12%": [3, 0, 0, 2], "20%+": [0, 1, 2, 1]}
    assert slices["speakers"] == {"2": [1, 0, 0, 1], "3": [2, 1, 2, 2]}
    for rows in slices.values():
        assert [sum(column) for column in list(zip(*rows.values(), strict=True))[:3]] == [3, 1, 2]
    assert "code_mixing" not in evaluation_metrics(sampled(), CASES, SAMPLED)["slices"]


def test_speakers_are_counted_up_to_the_target_and_many_are_one_slice() -> None:
    crowd = [(name, "joy") for name in ("Ana", "Ben", "Cem", "Dia", "Eva", "Finn")]
    late = case(("Ana", "joy"), ("Ana", "fear"), ("Ben", "joy"), target=1, triggers={1}, id="late")
    full = case(*crowd, ("Ana", "fear"), triggers={5}, id="full")
    assert set(by_rule([late, full])["slices"]["speakers"]) == {"1", "5+"}


def test_a_rule_has_no_samples_and_no_support_to_speak_of() -> None:
    metrics = by_rule(CASES)
    names = ("k_curve", "agreement", "calibration", "risk_coverage", "left_out", "self_evaluation", "rationales")
    assert [metrics[name] for name in names] == [None] * 7
    assert (metrics["decode"], metrics["num_samples"], metrics["cost"]) == ("greedy", 1, None)


def test_a_classifier_has_graded_support_in_any_evaluation() -> None:
    vote = Vote(frozenset({1}), (0.1, 0.8, 0.2), 1, 1)
    metrics = evaluation_metrics(
        [Prediction.of(DINNER, vote, [Answer(vote.triggers, "")])], [DINNER], InferenceConfig()
    )
    assert metrics["calibration"]["num_utterances"] == 3
    assert metrics["k_curve"] is None


def test_rationales_and_judgements_have_metrics() -> None:
    config = InferenceConfig(ask="chain", judge=True)
    metrics = evaluation_metrics(
        list(name_triggers(ScriptedModel(default=["Triggers: 2"]), CASES, config)), CASES, config
    )
    assert metrics["self_evaluation"]["num_drafts"] == 3
    assert metrics["rationales"]["num_rationales"] == 0


def test_metrics_are_small_plain_json_without_any_text_of_the_dialogue() -> None:
    written = json.dumps(evaluation_metrics(sampled(), CASES, SAMPLED, cost={"seconds": 1.23456789}), allow_nan=False)
    assert json.loads(written)["cost"] == {"seconds": 1.234568}
    assert not any(utterance.text in written for utterance in CAFE.dialogue.utterances)
    assert len(written) < 5000
    floats: list[str] = []
    json.loads(written, parse_float=floats.append)
    assert max(len(number.partition(".")[2]) for number in floats) == 6


def test_unlabelled_cases_have_no_metrics() -> None:
    unlabelled = case(("Ana", "joy"), ("Ana", "fear"), triggers=None)
    with pytest.raises(InputError, match="no labels"):
        by_rule([unlabelled])
