from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_cases import CAFE, views, views_with_triggers

from fliptrace.core.messages import Answer
from fliptrace.prompts.answers import parse_answer, render_answer
from fliptrace.prompts.feedback import (
    Feedback,
    FeedbackLevel,
    give_feedback,
    parse_feedback,
    render_feedback,
    render_feedback_prompt,
)
from fliptrace.prompts.views import Layout, View

VIEW = View(CAFE, Layout("dialogue"))
UNREADABLE = "Your answer is not right: no answer can be read from it"


@st.composite
def given_feedback(draw: st.DrawFn) -> tuple[View, Feedback]:
    view, triggers = draw(views_with_triggers())
    value = draw(st.none() | st.frozensets(st.integers(0, view.target)))
    return view, give_feedback(Answer(value, "..."), triggers, view)


@given(given_feedback())
def test_full_feedback_is_read_as_it_was_written(drawn: tuple[View, Feedback]) -> None:
    view, feedback = drawn
    assert parse_feedback(render_feedback(feedback, "full", view), view) == feedback


@given(given_feedback(), st.sampled_from(("verdict", "kind of error")))
def test_only_full_feedback_names_utterances(drawn: tuple[View, Feedback], level: FeedbackLevel) -> None:
    view, feedback = drawn
    assert not re.search(r"\d", render_feedback(feedback, level, view))


@given(given_feedback(), given_feedback())
def test_a_verdict_tells_right_from_wrong_and_no_more(one: tuple[View, Feedback], other: tuple[View, Feedback]) -> None:
    said = [render_feedback(feedback, "verdict", view) for view, feedback in (one, other)]
    assert (said[0] == said[1]) == (one[1].is_right == other[1].is_right)


@pytest.mark.parametrize(
    ("reply", "verdict", "kind", "full"),
    [
        ("Triggers: 3 5", "Your answer is right.", "Your answer is right.", "Your answer is right."),
        (
            "Triggers: 3 4 5",
            "Your answer is not right.",
            "Your answer is not right: it names what is no trigger.",
            "Your answer is not right: [4] did not trigger it.",
        ),
        (
            "Triggers: 3",
            "Your answer is not right.",
            "Your answer is not right: it misses a trigger.",
            "Your answer is not right: [5] is missing.",
        ),
        (
            "Triggers: 1 6",
            "Your answer is not right.",
            "Your answer is not right: it names what is no trigger; it misses a trigger.",
            "Your answer is not right: [1], [6] did not trigger it; [3], [5] is missing.",
        ),
        ("Ben's shouting.", "Your answer is not right.", f"{UNREADABLE}.", f"{UNREADABLE}; [3], [5] is missing."),
        ("Triggers: 99", "Your answer is not right.", f"{UNREADABLE}.", f"{UNREADABLE}; [3], [5] is missing."),
    ],
)
def test_the_fuller_the_level_the_more_it_gives_away(reply: str, verdict: str, kind: str, full: str) -> None:
    feedback = give_feedback(parse_answer(reply, VIEW), CAFE.known_triggers, VIEW)
    levels: tuple[FeedbackLevel, ...] = ("verdict", "kind of error", "full")
    assert [render_feedback(feedback, level, VIEW) for level in levels] == [verdict, kind, full]


@given(views_with_triggers())
def test_the_labels_themselves_are_right(drawn: tuple[View, frozenset[int]]) -> None:
    view, triggers = drawn
    answer = parse_answer(render_answer(view.visible(triggers), view), view)
    assert give_feedback(answer, triggers, view).is_right


def test_what_the_prompt_does_not_show_is_not_missed() -> None:
    view = View(CAFE, Layout("window", window=2))
    assert give_feedback(Answer(frozenset({4}), "Triggers: 1"), CAFE.known_triggers, view).is_right


@pytest.mark.parametrize("text", ["", "Right.", "Your answer is not right.", "I say: Your answer is right."])
def test_a_sentence_that_is_no_full_feedback_is_none(text: str) -> None:
    assert parse_feedback(text, VIEW) is None


@given(views())
def test_a_feedback_prompt_is_question_own_reply_and_feedback(view: View) -> None:
    feedback = Feedback(True, frozenset({view.target}), frozenset())
    prompt = render_feedback_prompt(view, "answer", "my own words", feedback, "verdict")
    assert [message.role for message in prompt][-3:] == ["user", "assistant", "user"]
    assert prompt[-2].content == "my own words"
    again = "Again." if view.layout.name == "shared" else "Give the right answer line."
    assert prompt[-1].content == f"Your answer is not right. {again}"
