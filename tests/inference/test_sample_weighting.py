"""Self-consistency over sampled replies whose log-probabilities the server reports."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hosted_models import LittleServer, Said, error, make_provider, open_fake, serving, well_behaved
from run_inference import name_triggers
from toy_cases import CAFE, case

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json
from fliptrace.core.messages import Completion
from fliptrace.fake_provider.serve import running
from fliptrace.fake_provider.settings import Honours
from fliptrace.inference.config import InferenceConfig, resolve_config
from fliptrace.inference.sample_weighting import score_samples
from fliptrace.models.base import Decoding
from fliptrace.models.checkpoints import InferenceDefaults
from fliptrace.models.scripted import ScriptedModel
from fliptrace.predictions.rows import Prediction
from fliptrace.prompts.views import Layout, View

VIEW = View(CAFE, Layout())
# Of ten replies five name [2], three [2] and [4], one nothing, and one is no answer. Fewer samples see fewer of them.
SCRIPT = ScriptedModel(
    default=(
        *("Triggers: 2",) * 2,
        "Triggers: 2 4",
        "It was Ana.",
        *("Triggers: 2",) * 3,
        "Triggers: none",
        *("Triggers: 2 4",) * 2,
    )
)


def predict(
    num_samples: int, model: ScriptedModel = SCRIPT, constrain: bool = False, threshold: float = 0.5, **honours: Any
) -> Prediction:
    config = InferenceConfig(decoding=Decoding("exact", num_samples, constrain=constrain), threshold=threshold)
    with running(make_provider(model, honours=Honours(**honours))) as url:
        [prediction] = name_triggers(open_fake(url), [CAFE], config)
    return prediction


def reply(text: str, share: float) -> Completion:
    return Completion(text, 1, 2, log_probability=math.log(share))


@pytest.mark.parametrize(
    ("num_samples", "second", "fourth", "remaining"),
    [
        (1, 1.0, 0.0, 0.5),  # only [2] was sampled
        (2, 1.0, 0.0, 0.5),  # and again
        (3, 1.0, 3 / 8, 0.2),  # [2] and [2 4]
        (4, 1.0, 3 / 8, 0.2),  # and the reply that is no answer
        (10, 8 / 9, 3 / 9, 0.1),
    ],
)
@pytest.mark.parametrize("n", [True, False], ids=["n", "no n"])
def test_support_uses_the_probabilities_of_the_sampled_replies(
    num_samples: int, second: float, fourth: float, remaining: float, n: bool
) -> None:
    found = predict(num_samples, n=n)
    assert found.vote.support == pytest.approx((0, second, 0, fourth, 0, 0), abs=1e-6)
    assert found.remaining == pytest.approx(remaining, abs=1e-6)


def test_in_a_schema_shares_are_those_of_the_replies_as_sent() -> None:
    # Under the schema the reply that is no answer becomes an empty array, so "none" has a share of two tenths.
    found = predict(10, constrain=True)
    assert found.vote.support == pytest.approx((0, 0.8, 0, 0.3, 0, 0), abs=1e-6)
    assert found.remaining == 0


@pytest.mark.parametrize(("threshold", "triggers"), [(0.3, {1, 3}), (0.5, {1}), (0.9, set())])
def test_what_reaches_the_threshold_is_named(threshold: float, triggers: set[int]) -> None:
    assert predict(10, threshold=threshold).vote.triggers == triggers


def test_all_samples_are_counted_and_the_parsed_ones_are_valid() -> None:
    found = predict(10)
    assert (found.vote.num_samples, found.vote.num_valid, len(found.answers)) == (10, 9, 10)


def test_replies_that_cannot_be_parsed_make_an_unparsed_prediction() -> None:
    found = predict(3, ScriptedModel(default=("It was Ana.", "Nobody knows.")))
    assert found.vote.is_unparsed
    assert (found.vote.triggers, found.remaining) == (frozenset(), 1.0)


def test_every_case_is_scored_by_its_own_replies() -> None:
    other = case(("Ann", "joy", "I won!"), ("Ben", "anger", "I lost."), ("Ann", "sadness", "Oh."), id="other")
    script = ScriptedModel(by_text={"I won!": ("Triggers: 2",)}, default=("Triggers: none",))
    with running(make_provider(script)) as url:
        found = list(name_triggers(open_fake(url), [CAFE, other], InferenceConfig(decoding=Decoding("exact"))))
    assert [prediction.vote.triggers for prediction in found] == [frozenset(), {1}]
    assert [prediction.remaining for prediction in found] == [0, 0]


@pytest.mark.parametrize(
    ("honours", "constrain", "message"),
    [
        ({"logprobs": False}, True, "gives no log-probabilities"),
        ({"end_in_logprobs": False}, False, "gives log-probabilities that leave out a reply's end"),
        ({"end_in_logprobs": False, "response_format": False}, True, "leave out a reply's end"),
    ],
)
def test_a_server_without_full_log_probabilities_is_refused(honours: Json, constrain: bool, message: str) -> None:
    with pytest.raises(InputError, match=f"{message}.*; expected --decode sample or greedy"):
        predict(2, constrain=constrain, **honours)


def test_a_schema_marks_the_end_where_log_probabilities_do_not() -> None:
    assert predict(10, constrain=True, end_in_logprobs=False) == predict(10, constrain=True)


def test_reasons_are_not_scored() -> None:
    with running(make_provider(SCRIPT)) as url, pytest.raises(InputError, match="exact decoding needs --ask answer"):
        name_triggers(open_fake(url), [CAFE], InferenceConfig(ask="chain", decoding=Decoding("exact")))


def with_logprobs(body: Json) -> Said:
    """Well behaved, and reports the log-probability of every reply and of its end."""
    answer = well_behaved(body)
    for choice in answer.body["choices"]:
        tokens = (choice["message"]["content"], "")
        choice["logprobs"] = {"content": [{"token": one, "logprob": -0.1, "top_logprobs": []} for one in tokens]}
    return answer


def test_a_filtered_prompt_is_an_unparsed_prediction() -> None:
    server = LittleServer(with_logprobs)
    with serving(server) as url:
        model = open_fake(url)
        assert model.capabilities.log_probabilities == "whole"
        server.one_after_the_other(error(400, "filtered", "content_filter"))
        [found] = name_triggers(model, [CAFE], InferenceConfig(decoding=Decoding("exact", 2)))
    assert found.vote.is_unparsed
    assert found.remaining == 1.0


def test_the_number_of_samples_is_kept_where_answers_are_drawn() -> None:
    drawn = resolve_config(InferenceDefaults(), Decoding("exact", 8), samples_exactly=True)
    assert drawn.decoding.num_samples == 8


def test_a_reply_drawn_twice_counts_once() -> None:
    once = score_samples([reply("Triggers: 2", 0.5), reply("Triggers: 4", 0.25)], VIEW)
    again = score_samples([reply("Triggers: 2", 0.5), reply("Triggers: 4", 0.25), reply("Triggers: 2", 0.5)], VIEW)
    assert again.logprobs == once.logprobs


def test_two_replies_that_name_the_same_add_up() -> None:
    found = score_samples([reply("Triggers: 2", 0.5), reply("Because.\nTriggers: 2", 0.25)], VIEW)
    assert found.logprobs is not None
    assert math.exp(found.logprobs.log_probabilities[frozenset({1})]) == pytest.approx(0.75)
    assert found.remaining == pytest.approx(0.25)


def test_a_reply_that_cannot_be_parsed_has_no_weight() -> None:
    found = score_samples([reply("Triggers: 2", 0.5), reply("No idea.", 0.4)], VIEW)
    assert found.remaining == pytest.approx(0.5)
    assert [answer.value for answer in found.answers] == [{1}, None]


def test_a_reply_that_was_cut_short_has_no_weight() -> None:
    """The probability of its beginning says nothing about the whole reply."""
    cut = Completion("Triggers: 2", 1, 2, "length", log_probability=math.log(0.9))
    assert score_samples([cut, reply("Triggers: 4", 0.5)], VIEW).remaining == pytest.approx(0.5)
