"""Rationales are checked against their prompt."""

from __future__ import annotations

from run_inference import name_triggers
from toy_cases import CAFE

from fliptrace.inference.config import InferenceConfig
from fliptrace.models.scripted import ScriptedModel
from fliptrace.prompts.chains import WORDINGS, Chain, Observation, observe, render_chain
from fliptrace.prompts.views import View
from fliptrace.scoring.rationales import RationaleScores, score_rationales

CONFIG = InferenceConfig(ask="chain")
VIEW = View(CAFE, CONFIG.layout)
TRUE = observe(VIEW)


def scored(*observations: Observation, last_line: str = "") -> RationaleScores:
    reply = render_chain(Chain(observations, frozenset()), VIEW, WORDINGS["dialogue"][0]) + last_line
    predictions = list(name_triggers(ScriptedModel(default=[reply]), [CAFE], CONFIG))
    return score_rationales(predictions, [CAFE], CONFIG.layout)


def test_true_observations_are_counted_and_none_is_false() -> None:
    assert scored(*TRUE) == RationaleScores(1, len(TRUE), 0, 0)


def test_an_observation_that_contradicts_the_prompt_is_false() -> None:
    first = TRUE[0]
    made_up = Observation(first.index, not first.is_own, first.emotion, first.is_shift)
    assert scored(made_up, *TRUE[1:]).num_false_observations == 1


def test_an_answer_against_its_own_verdicts_contradicts_itself() -> None:
    assert scored(*TRUE, last_line="\nTriggers: 2").num_self_contradictions == 1


def test_a_reply_without_reasons_is_no_rationale() -> None:
    assert scored() == RationaleScores(0, 0, 0, 0)
