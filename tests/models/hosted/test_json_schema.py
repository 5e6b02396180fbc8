"""Answer lines as JSON schemas, and JSON replies as answer lines."""

from __future__ import annotations

import json

import pytest
from hosted_models import make_provider, messages, open_fake
from hypothesis import given
from hypothesis import strategies as st
from toy_cases import CAFE, views_with_triggers

from fliptrace.fake_provider.schema import read_schema
from fliptrace.fake_provider.serve import running
from fliptrace.fake_provider.settings import Honours
from fliptrace.inference.config import InferenceConfig
from fliptrace.inference.sampling import answer_cases
from fliptrace.models.answer_line import AnswerLine
from fliptrace.models.base import Decoding, Request
from fliptrace.models.hosted.json_schema import answer_format, to_reply
from fliptrace.models.scripted import ScriptedModel
from fliptrace.prompts.answers import parse_answer, render_answer
from fliptrace.prompts.views import Layout, View

LINE = AnswerLine((1, 2, 5), (6,))
VIEW = View(CAFE, Layout())


def test_the_schema_allows_what_the_line_may_name() -> None:
    schema = answer_format(LINE)["json_schema"]["schema"]
    assert list(schema["properties"]) == ["triggers"]
    assert schema["properties"]["triggers"]["items"] == {"type": "integer", "enum": [1, 2, 5]}


def test_a_line_behind_reasons_has_them_first() -> None:
    schema = answer_format(AnswerLine((1,), fills_reply=False))["json_schema"]["schema"]
    assert list(schema["properties"]) == ["reasons", "triggers"]


@pytest.mark.parametrize("fills_reply", [True, False])
def test_the_schema_is_one_that_strict_providers_take(fills_reply: bool) -> None:
    response_format = answer_format(AnswerLine((1, 2), fills_reply=fills_reply))
    assert response_format["json_schema"]["strict"] is True
    assert read_schema(response_format) == response_format["json_schema"]["schema"]


@given(views_with_triggers(), st.sampled_from(["", "Ben shouts.", "Two\nlines", "Triggers: 99", '"quoted" ü']))
def test_a_set_comes_back_from_json_as_it_was(drawn: tuple[View, frozenset[int]], reasons: str) -> None:
    view, triggers = drawn
    labels = sorted(view.label(i) for i in triggers)
    said = to_reply(json.dumps({"reasons": reasons, "triggers": labels} if reasons else {"triggers": labels}))
    assert said == f"{reasons}\n{render_answer(triggers, view)}".lstrip("\n")
    assert parse_answer(said, view).value == triggers


BROKEN = [
    "",
    "Triggers: 2",
    '{"triggers": [2, 5',
    "[2, 5]",
    "2",
    "null",
    '{"Triggers": [2]}',
    '{"triggers": 2}',
    '{"triggers": null}',
    '{"triggers": [null]}',
    '{"triggers": [[2]]}',
    '{"triggers": ["two"]}',
    '{"triggers": [1.5]}',
    '{"triggers": [true]}',
    '{"triggers": "25"}',
    '{"triggers": {"2": 0}}',
    '{"triggers": [NaN]}',
    '{"triggers": [Infinity]}',
]


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_no_such_json_stays_as_it_came(text: str) -> None:
    assert to_reply(text) == text


PLAIN = ("Triggers: 2", '{"Triggers": [2]}', '{"triggers": 2}')  # broken, and yet without a second meaning


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_plain_is_read_whatever_the_schema(text: str) -> None:
    assert parse_answer(to_reply(text), VIEW).value == {1}


@pytest.mark.parametrize("text", [text for text in BROKEN if text not in PLAIN])
def test_broken_json_is_unparsed(text: str) -> None:
    assert parse_answer(to_reply(text), VIEW).value is None


@pytest.mark.parametrize(
    ("text", "value", "anomalies"),
    [
        ('{"triggers": [2, 2]}', {1}, ("named twice",)),
        ('{"triggers": [3, 2]}', {1, 2}, ()),
        ('{"triggers": [2, 99]}', {1}, ("unknown utterance",)),
        ('{"triggers": []}', set(), ()),
    ],
)
def test_an_array_is_read_as_a_line_is(text: str, value: set[int], anomalies: tuple[str, ...]) -> None:
    answer = parse_answer(to_reply(text), VIEW)
    assert answer.value == frozenset(value)
    assert answer.anomalies == anomalies


# A model whose JSON and plain reply differ: without the schema it also names an utterance that does not exist.
LOOSE = ScriptedModel(default=("It is close.\nTriggers: 2 99",))


@pytest.mark.parametrize(
    ("honours", "constrain", "structured", "expected"),
    [
        (Honours(), True, True, "Triggers: 2"),
        (Honours(), False, True, "It is close.\nTriggers: 2 99"),
        (Honours(), True, False, "It is close.\nTriggers: 2 99"),
        (Honours(response_format=False), True, True, "It is close.\nTriggers: 2 99"),
    ],
)
def test_a_schema_holds_replies_where_it_is_wanted_and_obeyed(
    honours: Honours, constrain: bool, structured: bool, expected: str
) -> None:
    config = InferenceConfig(decoding=Decoding(constrain=constrain))
    with running(make_provider(LOOSE, honours=honours)) as url:
        (answered,) = answer_cases(open_fake(url, structured=structured), [CAFE], config)
    assert answered.replies[0].final.text == expected


def test_reasons_are_asked_for_in_the_schema_of_a_chain() -> None:
    with running(make_provider(LOOSE)) as url:
        (answered,) = answer_cases(open_fake(url), [CAFE], InferenceConfig(ask="chain"))
    assert answered.replies[0].final.text == "It is close.\nTriggers: 2"


def test_json_cut_short_is_unparsed() -> None:
    with running(make_provider(LOOSE)) as url:
        line = Request("q", messages("Which utterances triggered this flip?"), LINE)
        ((reply,),) = open_fake(url).complete([line], Decoding(max_new_tokens=1))
    assert (reply.text, reply.finish_reason) == ('{"triggers":', "length")
