from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from provider_clients import KEY, SCRIPT, ask, client_of, make_provider, texts

from fliptrace.core.files import Json
from fliptrace.core.messages import Message
from fliptrace.fake_provider.chat import END_TOKEN
from fliptrace.fake_provider.settings import Honours
from fliptrace.models.base import Choice, Request
from fliptrace.models.local.loading import load_local
from fliptrace.models.local.scratch import ScratchSpec, build_scratch
from fliptrace.models.scripted import ScriptedModel


@pytest.fixture(scope="module")
def client() -> Iterator[openai.OpenAI]:
    with client_of(make_provider()) as client:
        yield client


@pytest.fixture(scope="module")
def scripted() -> Iterator[openai.OpenAI]:
    with client_of(make_provider(SCRIPT)) as client:
        yield client


def trigger_format(*labels: int, reasons: bool = False, **schema: Any) -> Json:
    items = {"type": "integer", "enum": list(labels)}
    properties: Json = {"reasons": {"type": "string"}} if reasons else {}
    properties["triggers"] = {"type": "array", "items": items}
    whole = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    return {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": whole | schema}}


def test_choices_are_what_requests_with_the_seeds_that_follow_give(client: openai.OpenAI) -> None:
    together = texts(ask(client, n=3, seed=5))
    apart = [texts(ask(client, seed=seed))[0] for seed in (5, 6, 7)]
    assert together == apart
    assert len(set(together)) == 3


def test_at_temperature_0_every_choice_is_the_greedy_reply(client: openai.OpenAI) -> None:
    greedy = texts(ask(client, n=3, seed=5, temperature=0))
    first = texts(ask(client, seed=0))
    assert greedy == first * 3


def test_tokens_are_words_and_those_of_all_choices_are_counted(scripted: openai.OpenAI) -> None:
    usage = ask(scripted, "one two three", n=4).usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (3, 2 + 2 + 6 + 2, 15)


@pytest.mark.parametrize("fields", [{"max_tokens": 3}, {"max_completion_tokens": 3}])
def test_a_reply_that_is_too_long_is_cut(fields: dict[str, Any]) -> None:
    with client_of(make_provider(ScriptedModel(default=["a b\nc d"]))) as client:
        choice = ask(client, **fields).choices[0]
    assert (choice.message.content, choice.finish_reason) == ("a b\nc", "length")


@pytest.mark.parametrize("seed", range(4))
def test_log_probabilities_add_up_to_that_of_the_whole_reply(scripted: openai.OpenAI, seed: int) -> None:
    choice = ask(scripted, seed=seed, logprobs=True).choices[0]
    assert choice.logprobs is not None and choice.logprobs.content is not None
    share = 2 / 4 if choice.message.content == "Triggers: 2" else 1 / 4
    assert math.exp(sum(entry.logprob for entry in choice.logprobs.content)) == pytest.approx(share)
    assert "".join(entry.token for entry in choice.logprobs.content[:-1]) == choice.message.content
    assert (choice.logprobs.content[-1].token, choice.logprobs.content[-1].bytes) == (END_TOKEN, [])


def test_a_provider_may_leave_the_end_out_of_its_log_probabilities() -> None:
    with client_of(make_provider(SCRIPT, honours=Honours(end_in_logprobs=False))) as client:
        logprobs = ask(client, logprobs=True).choices[0].logprobs
    assert logprobs is not None and [entry.token for entry in logprobs.content or ()] == ["Triggers:", " 2"]


@pytest.mark.parametrize(
    ("seed", "reasons", "expected"),
    [
        (0, False, {"triggers": [2]}),
        (2, False, {"triggers": [2]}),
        (2, True, {"reasons": "It is close.", "triggers": [2]}),
        (3, True, {"reasons": "", "triggers": []}),
    ],
)
def test_a_reply_fits_the_schema_asked_for(scripted: openai.OpenAI, seed: int, reasons: bool, expected: Json) -> None:
    (text,) = texts(ask(scripted, seed=seed, response_format=trigger_format(1, 2, reasons=reasons)))
    assert json.loads(text) == expected


def test_replies_that_a_schema_makes_the_same_are_as_probable_as_all_of_them(scripted: openai.OpenAI) -> None:
    logprobs = ask(scripted, response_format=trigger_format(1, 2), logprobs=True).choices[0].logprobs
    assert logprobs is not None and logprobs.content
    assert math.exp(logprobs.content[0].logprob) == pytest.approx(3 / 4)


def test_properties_that_say_what_they_may_be_get_the_first_of_it(client: openai.OpenAI) -> None:
    properties = {"ok": {"type": "integer", "enum": [7, 8]}, "word": {"type": "string", "const": "yes"}}
    format = trigger_format(properties=properties, required=["ok", "word"])
    assert json.loads(texts(ask(client, response_format=format))[0]) == {"ok": 7, "word": "yes"}


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"additionalProperties": True}, "additionalProperties"),
        ({"required": []}, "Missing 'triggers'"),
        ({"properties": {"age": {"type": "integer"}}, "required": ["age"]}, "neither const nor enum"),
        ({"type": "array"}, "type object"),
    ],
)
def test_a_schema_that_cannot_be_kept_is_refused(client: openai.OpenAI, schema: Json, message: str) -> None:
    with pytest.raises(openai.BadRequestError, match=message) as caught:
        ask(client, response_format=trigger_format(1, **schema))
    assert caught.value.param == "response_format"


def test_what_is_not_honoured_is_ignored() -> None:
    honours = Honours(n=False, sampling=False, logprobs=False, response_format=False)
    with client_of(make_provider(SCRIPT, honours=honours)) as client:
        answer = ask(client, n=3, seed=3, temperature=1.0, logprobs=True, response_format=trigger_format(1))
    assert texts(answer) == ["Triggers: 2"]
    assert answer.choices[0].logprobs is None


@pytest.mark.parametrize(
    ("field", "value"),
    [("temperature", 0.5), ("n", 2), ("logprobs", True), ("response_format", {"type": "json_object"})],
)
def test_a_refused_field_is_named(field: str, value: Any) -> None:
    provider = make_provider(honours=Honours(refuses=frozenset([field])))
    with client_of(provider) as client, pytest.raises(openai.BadRequestError) as caught:
        ask(client, **{field: value})
    assert (caught.value.param, caught.value.code) == (field, "unsupported_parameter")


def test_a_provider_may_know_max_tokens_alone() -> None:
    with client_of(make_provider(honours=Honours(max_completion_tokens=False))) as client:
        assert ask(client, max_tokens=1).choices[0].finish_reason == "length"
        with pytest.raises(openai.BadRequestError, match="Use 'max_tokens'") as caught:
            ask(client, max_completion_tokens=1)
    assert caught.value.param == "max_completion_tokens"


@pytest.mark.parametrize(
    ("field", "value"),
    [("n", 0), ("n", 1.5), ("temperature", 3), ("top_p", 0), ("seed", "5"), ("max_tokens", 0), ("top_logprobs", 2)],
)
def test_a_value_that_cannot_be_is_named(client: openai.OpenAI, field: str, value: Any) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, **{field: value})
    assert caught.value.param == field


@pytest.mark.parametrize("messages", [[], [{"role": "robot", "content": "x"}], [{"role": "user", "content": 3}]])
def test_messages_that_are_none_are_refused(client: openai.OpenAI, messages: list[Json]) -> None:
    with pytest.raises(openai.BadRequestError, match="messages"):
        ask(client, messages=messages)


def test_unknown_fields_are_passed_over(client: openai.OpenAI) -> None:
    assert texts(ask(client, extra_body={"top_k": 5})) == texts(ask(client))


def test_a_prompt_beyond_the_context_is_refused() -> None:
    with client_of(make_provider(ScriptedModel(default=["a"], num_context_tokens=5))) as client:
        assert texts(ask(client, "one two three", max_tokens=2)) == ["a"]
        with pytest.raises(openai.BadRequestError) as caught:
            ask(client, "one two three", max_tokens=3)
    assert caught.value.code == "context_length_exceeded"


def test_a_request_that_the_model_behind_cannot_answer_is_refused() -> None:
    provider = make_provider(ScriptedModel(by_text={"flip": ["a"]}))
    with client_of(provider) as client, pytest.raises(openai.BadRequestError, match="no answer"):
        ask(client, "Hello")


def test_an_unknown_model_is_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        ask(client, model="gpt-17")
    assert (caught.value.param, caught.value.code) == ("model", "model_not_found")


def test_an_unknown_path_is_answered_in_the_form_of_other_errors(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="/v1/embeddings"):
        client.embeddings.create(model="fake-1", input="x")


def test_a_wrong_key_is_refused_and_not_repeated() -> None:
    with client_of(make_provider(api_key=KEY), api_key="sk-wrong-0002") as client:
        with pytest.raises(openai.AuthenticationError) as caught:
            client.models.list()
        assert "wrong" not in str(caught.value)
        assert client.with_options(api_key=KEY).models.list().data[0].id == "fake-1"


def test_models_tell_when_they_shut_down() -> None:
    with client_of(make_provider(shutdown_dates={"fake-1": "2031-01-31"})) as client:
        assert client.models.retrieve("fake-1").shutdown_date == "2031-01-31"


def test_a_model_on_torch_answers_and_its_log_probabilities_are_its_scores(tmp_path: Path) -> None:
    spec = ScratchSpec(hidden_size=16, num_layers=1, num_heads=2, intermediate_size=16, vocab_size=300)
    model = load_local(str(build_scratch(["Hello there"], spec, tmp_path / "model", seed=0)), device="cpu")
    with client_of(make_provider(model)) as client:
        one, other = (ask(client, max_tokens=4, seed=3, logprobs=True).choices[0] for _ in range(2))
    assert one == other
    assert one.logprobs is not None and one.logprobs.content
    reported = sum(entry.logprob for entry in one.logprobs.content)
    hello = Request("any", (Message("user", "Hello"),))
    assert one.message.content is not None
    scored = model.score_replies([Choice(hello.key, hello.messages, (one.message.content,))])[0][0]
    assert reported == pytest.approx(scored, abs=1e-3)
