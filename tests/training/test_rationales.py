"""Reasons are held against the prompt they were made from."""

from __future__ import annotations

from toy_cases import CAFE

from fliptrace.inference.triggers import InferenceConfig, name_triggers
from fliptrace.models.scripted import ScriptedModel
from fliptrace.prompts.chains import WORDINGS, Chain, Observation, observe, render_chain
from fliptrace.prompts.views import View
from fliptrace.training.val_scores import RationaleScores, score_rationales

READING = InferenceConfig(ask="chain")
VIEW = View(CAFE, READING.layout)
TRUE = observe(VIEW)


def scored(*observations: Observation, last_line: str = "") -> RationaleScores:
    reply = render_chain(Chain(observations, frozenset()), VIEW, WORDINGS["dialogue"][0]) + last_line
    predictions = list(name_triggers(ScriptedModel(default=[reply]), [CAFE], READING))
    return score_rationales(predictions, [CAFE], READING)


def test_true_observations_are_counted_and_none_is_false() -> None:
    assert scored(*TRUE) == RationaleScores(1, len(TRUE), 0, 0)


def test_an_observation_that_the_prompt_does_not_bear_out_is_false() -> None:
    first = TRUE[0]
    made_up = Observation(first.index, not first.is_own, first.emotion, first.is_shift)
    assert scored(made_up, *TRUE[1:]).num_false_observations == 1


def test_an_answer_against_its_own_verdicts_contradicts_itself() -> None:
    assert scored(*TRUE, last_line="\nTriggers: 2").num_self_contradictions == 1


def test_a_reply_without_reasons_is_no_rationale() -> None:
    assert scored() == RationaleScores(0, 0, 0, 0)
