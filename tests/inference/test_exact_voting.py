"""Exact decoding on a model whose probabilities are known."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_inference import name_triggers
from toy_cases import CAFE, case, views

from fliptrace.core.errors import InputError
from fliptrace.core.messages import Completion
from fliptrace.inference.config import InferenceConfig, resolve_config
from fliptrace.inference.exact_voting import MAX_MORE_SETS, AnswerLogprobs, Question, average, candidates, score_answers
from fliptrace.models.base import Choice, Decoding, Request
from fliptrace.models.checkpoints import InferenceDefaults
from fliptrace.models.rules import find_rule
from fliptrace.models.scripted import ScriptedModel
from fliptrace.predictions.rows import Prediction
from fliptrace.prompts.answers import cut_answer_line, parse_answer, render_question
from fliptrace.prompts.views import Layout, View
from fliptrace.scoring.thresholds import at_threshold

EXACT = Decoding("exact")


@dataclass
class KnownModel:
    """Gives each reply its probability in `probabilities`, else `otherwise`, and records what it was asked to score."""

    probabilities: Mapping[str, float] = field(default_factory=dict)
    otherwise: float = 0.0
    rationales: Sequence[str] = ()
    name: str = "known"
    asked: list[list[Choice]] = field(default_factory=list)

    def score_replies(self, choices: Sequence[Choice]) -> list[tuple[float, ...]]:
        self.asked.append(list(choices))
        return [tuple(self._log_prob(choice.opening + reply) for reply in choice.replies) for choice in choices]

    def complete(self, requests: Sequence[Request], decoding: Decoding) -> list[tuple[Completion, ...]]:
        return ScriptedModel(default=self.rationales).complete(requests, decoding)

    def fits(self, messages: Any, max_new_tokens: int) -> bool:
        return True

    def _log_prob(self, text: str) -> float:
        share = self.probabilities.get(text, self.otherwise)
        return math.log(share) if share else -math.inf


def predict_one(model: Any, config: InferenceConfig | None = None) -> Prediction:
    [prediction] = name_triggers(model, [CAFE], config or InferenceConfig(decoding=EXACT))
    return prediction


THREE = {"Triggers: none": 0.2, "Triggers: 3": 0.3, "Triggers: 3 5": 0.4}


def test_support_is_the_probability_of_being_named_among_the_answers_scored() -> None:
    prediction = predict_one(KnownModel(THREE))
    assert prediction.vote.support == pytest.approx((0, 0, 0.7 / 0.9, 0, 0.4 / 0.9, 0), abs=1e-6)
    assert prediction.remaining == pytest.approx(0.1)
    assert (prediction.vote.triggers, prediction.vote.num_valid, prediction.vote.num_samples) == ({2}, 1, 1)


def test_the_likeliest_answer_is_the_one_given_though_fewer_may_be_named() -> None:
    [answer] = predict_one(KnownModel(THREE)).answers
    assert (answer.text, answer.value, answer.anomalies) == ("Triggers: 3 5", {2, 4}, ())


@pytest.mark.parametrize(("threshold", "triggers"), [(0.4, {2, 4}), (0.5, {2}), (0.8, set())])
def test_the_threshold_is_the_support_that_names(threshold: float, triggers: set[int]) -> None:
    prediction = predict_one(KnownModel(THREE), InferenceConfig(decoding=EXACT, threshold=threshold))
    assert prediction.vote.triggers == triggers
    assert at_threshold(predict_one(KnownModel(THREE)), threshold).vote == prediction.vote


LONG = case(*[("Ben", "joy")] * 9, ("Ana", "joy"), ("Ben", "joy"), ("Ana", "fear"))
EIGHT = InferenceConfig(Layout(reach=8), decoding=EXACT)  # too many candidates for all their sets at once


def num_asked(model: KnownModel) -> list[int]:
    """Count the replies scored in each pass."""
    return [sum(len(choice.replies) for choice in choices) for choices in model.asked]


def test_all_sets_of_a_few_candidates_are_scored_in_one_pass() -> None:
    model = KnownModel({"Triggers: none": 0.5})
    list(name_triggers(model, [CAFE, replace(CAFE, id="again")], InferenceConfig(decoding=EXACT)))
    assert num_asked(model) == [2 * 2**5]  # 5 utterances are within reach
    assert model.asked[0][0].replies[:3] == ("Triggers: none", "Triggers: 2", "Triggers: 3")


def test_of_many_candidates_none_each_and_every_pair_are_scored_and_no_more_if_that_is_enough() -> None:
    model = KnownModel({"Triggers: none": 0.995})
    list(name_triggers(model, [LONG, replace(LONG, id="again")], EIGHT))
    assert num_asked(model) == [2 * (1 + 8 + 28)]


def test_larger_sets_are_looked_for_while_probability_lies_elsewhere() -> None:
    model = KnownModel({"Triggers: 6 8": 0.3, "Triggers: 6 8 9": 0.2, "Triggers: 5 6 8 9": 0.5})
    [prediction] = name_triggers(model, [LONG], EIGHT)
    assert prediction.remaining == 0
    assert prediction.answers[0].value == {4, 5, 7, 8}
    assert prediction.vote.support == pytest.approx((0, 0, 0, 0, 0.5, 1, 0, 1, 0.7, 0, 0, 0))


def test_the_search_goes_on_for_those_cases_alone_that_need_it() -> None:
    class Half(KnownModel):
        def score_replies(self, choices: Sequence[Choice]) -> list[tuple[float, ...]]:
            """In the case "sure" the likeliest answer has all the probability."""
            self.asked.append(list(choices))
            log_probs = {True: 0.0, False: -9.0}
            return [
                tuple(log_probs[(choice.key, reply) == ("sure/exact/0", "Triggers: none")] for reply in choice.replies)
                for choice in choices
            ]

    model = Half()
    list(name_triggers(model, [LONG, replace(LONG, id="sure")], EIGHT))
    assert [[choice.key for choice in choices] for choices in model.asked] == [
        ["cafe/exact/0", "sure/exact/0"],
        ["cafe/exact/0"],
        ["cafe/exact/0"],
    ]


def test_the_number_of_larger_sets_is_limited_and_none_is_scored_twice() -> None:
    model = KnownModel(otherwise=1e-9)
    [prediction] = name_triggers(model, [LONG], EIGHT)
    assert (num_asked(model)[0], sum(num_asked(model)[1:])) == (1 + 8 + 28, MAX_MORE_SETS)
    assert prediction.remaining == pytest.approx(1, abs=1e-6)
    asked = [reply for choices in model.asked for choice in choices for reply in choice.replies]
    assert len(set(asked)) == len(asked)


@given(views(), st.integers(0, 2**32))
def test_every_scored_reply_parses_to_its_own_set(view: View, seed: int) -> None:
    model = KnownModel(otherwise=0.001 + seed % 7 / 1000)
    [logprobs] = score_answers(model, [Question("q", view, render_question(view, "answer"))])
    replies = [reply for choices in model.asked for choice in choices for reply in choice.replies]
    assert [parse_answer(reply, view).value for reply in replies] == list(logprobs.log_probabilities)
    assert set().union(*logprobs.log_probabilities) <= set(candidates(view)) <= set(view.shown)
    assert all(0 <= share <= 1 for share in logprobs.support(len(view.case.dialogue)))


def test_the_candidates_are_those_within_reach_and_in_the_window_layout_all_shown() -> None:
    assert candidates(View(CAFE, Layout(reach=3))) == (3, 4, 5)
    assert candidates(View(CAFE, Layout("window", window=4, reach=2))) == (2, 3, 4, 5)


def test_probabilities_too_small_for_a_float_still_compare() -> None:
    logprobs = AnswerLogprobs({frozenset(): -2000.0, frozenset({1}): -2000.0 + math.log(3)})
    assert logprobs.support(2) == (0, 0.75)
    assert logprobs.remaining == 1


def test_all_sets_of_a_few_candidates_leave_what_is_no_answer() -> None:
    """The sets of three candidates share half of the probability equally; the rest is on replies that are no answer."""
    few = case(("Ana", "joy"), ("Ben", "joy"), ("Ana", "fear"))
    sets = chain.from_iterable(combinations((1, 2, 3), size) for size in range(4))
    texts = ["Triggers: " + (" ".join(map(str, one)) or "none") for one in sets]
    [prediction] = name_triggers(KnownModel(dict.fromkeys(texts, 1 / 16)), [few], InferenceConfig(decoding=EXACT))
    assert (prediction.remaining, prediction.vote.support) == (0.5, (0.5, 0.5, 0.5))


# After a rationale -------------------------------------------------------------------------------------------------

RATIONALES = ("2 yes\nTriggers: 2", "3 yes\nTriggers: 99")
AFTER = {"2 yes\nTriggers: 2": 1.0, "3 yes\nTriggers: 3": 0.5, "3 yes\nTriggers: 2 3": 0.1}


def test_answers_are_scored_after_each_rationale_and_their_probabilities_averaged() -> None:
    model = KnownModel(AFTER, rationales=RATIONALES)
    prediction = predict_one(model, InferenceConfig(ask="chain", decoding=Decoding("exact", num_samples=2)))
    assert prediction.vote.support == pytest.approx((0, 1.1 / 1.6, 0.6 / 1.6, 0, 0, 0), abs=1e-6)
    assert prediction.remaining == pytest.approx(0.2)
    assert (prediction.vote.num_valid, prediction.vote.num_samples) == (2, 2)
    assert [answer.text for answer in prediction.answers] == ["2 yes\nTriggers: 2", "3 yes\nTriggers: 3"]


def test_one_rationale_is_enough() -> None:
    prediction = predict_one(KnownModel(AFTER, rationales=RATIONALES), InferenceConfig(ask="chain", decoding=EXACT))
    assert (prediction.vote.triggers, prediction.remaining) == ({1}, 0)


def test_the_mean_of_parts_counts_a_set_one_was_not_asked_about_as_nothing() -> None:
    half = math.log(0.5)
    mean = average([AnswerLogprobs({frozenset(): half, frozenset({0}): half}), AnswerLogprobs({frozenset(): 0})])
    assert {named: math.exp(log_prob) for named, log_prob in mean.log_probabilities.items()} == pytest.approx(
        {frozenset(): 0.75, frozenset({0}): 0.25}
    )


@pytest.mark.parametrize(
    ("reply", "rationale"),
    [
        ("2 yes\nTriggers: 2", "2 yes\n"),
        ("Triggers: 2", ""),
        ("a\nTriggers: 1\nb\n**Triggers:** 2\nc", "a\nTriggers: 1\nb\n"),
        ("cut off in the mid", "cut off in the mid\n"),
        ("", ""),
    ],
)
def test_a_rationale_is_what_stands_before_the_last_answer_line(reply: str, rationale: str) -> None:
    assert cut_answer_line(reply) == rationale


# Errors and limits -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [ScriptedModel(default=["Triggers: 1"]), find_rule("previous")])
def test_a_model_that_scores_nothing_cannot_be_decoded_exactly(model: Any) -> None:
    with pytest.raises(InputError, match=r"cannot score replies; exact decoding needs a model that can"):
        predict_one(model)


def test_exactly_decoded_answers_are_not_judged() -> None:
    with pytest.raises(InputError, match=r"judge: exact decoding gives probabilities, no answer to judge"):
        resolve_config(InferenceDefaults(), EXACT, judge=True)


def test_each_way_of_decoding_has_its_own_threshold() -> None:
    defaults = InferenceDefaults(thresholds={"exact": 0.41, "sample": 0.3})
    found = [resolve_config(defaults, Decoding(kind)).threshold for kind in ("greedy", "sample", "exact")]
    assert found == [0.5, 0.3, 0.41]


def test_an_answer_alone_takes_no_samples_whatever_number_is_given() -> None:
    assert resolve_config(InferenceDefaults(), Decoding("exact", num_samples=8)).decoding.num_samples == 1
    assert resolve_config(InferenceDefaults(), Decoding("exact", num_samples=8), ask="chain").decoding.num_samples == 8
