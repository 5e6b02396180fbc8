from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_cases import CAFE, views, views_with_triggers

from fliptrace.prompts.self_evaluation import Judgement, parse_judgement, render_judgement, render_judgement_prompt
from fliptrace.prompts.views import Layout, View

VIEW = View(CAFE, Layout("dialogue"))


@given(views_with_triggers(), st.booleans())
def test_a_judgement_is_read_as_it_was_written(drawn: tuple[View, frozenset[int]], is_right: bool) -> None:
    view, triggers = drawn
    text = render_judgement(is_right, triggers, view)
    judgement = parse_judgement(text, view)
    assert (judgement.is_right, judgement.answer.value, judgement.answer.anomalies) == (is_right, triggers, ())


@pytest.mark.parametrize(
    ("reply", "is_right", "value"),
    [
        ("Verdict: right\nTriggers: 3", True, {2}),
        ("verdict : WRONG.\ntriggers: none", False, set()),
        ("**Verdict:** wrong\n\n**Triggers:** 3", False, {2}),
        ("Hm.\n- Verdict: right\nTriggers: 3", True, {2}),
        ("Verdict: right\nVerdict: wrong\nTriggers: 3", True, {2}),  # the first verdict and the last answer count
        ("Triggers: 5\nVerdict: wrong\nTriggers: 3", False, {2}),
        ("<think>Verdict: wrong\nTriggers: 1</think>Verdict: right\nTriggers: 3", True, {2}),
        ("<think>Verdict: wrong\nTriggers: 1", None, None),
        ("Triggers: 3", None, {2}),
        ("Verdict: right or wrong\nTriggers: 3", None, {2}),
        ("Verdict: perhaps\nTriggers: 3", None, {2}),
        ("My verdict: right\nTriggers: 3", None, {2}),
        ("Verdict: right", True, None),
        ("", None, None),
    ],
)
def test_verdict_and_answer_are_read_each_on_its_own(reply: str, is_right: bool | None, value: set[int] | None) -> None:
    judgement = parse_judgement(reply, VIEW)
    assert isinstance(judgement, Judgement)
    assert (judgement.is_right, judgement.answer.value) == (is_right, value)


@given(views())
def test_a_judgement_prompt_is_question_own_reply_and_request(view: View) -> None:
    prompt = render_judgement_prompt(view, "answer", "my own words")
    assert [message.role for message in prompt][-3:] == ["user", "assistant", "user"]
    assert prompt[-2].content == "my own words"


def test_a_judge_is_not_shown_the_thoughts_of_the_reply() -> None:
    prompt = render_judgement_prompt(VIEW, "answer", "<think>Triggers: 1</think>\nTriggers: 3")
    assert prompt[-2].content == "Triggers: 3"
