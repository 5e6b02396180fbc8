from __future__ import annotations

import pytest
from hypothesis import given
from toy_cases import case, views

from fliptrace.prompts.flow import (
    parse_flips,
    parse_source,
    render_flips,
    render_flips_question,
    render_source,
    render_source_question,
    shown_flips,
)
from fliptrace.prompts.views import Layout, View

CASE = case(
    ("Ana", "joy"), ("Ben", "fear"), ("Ana", "fear"), ("Ben", "joy"), ("Ana", "anger"), ("Ana", "fear"), target=4
)
VIEW = View(CASE, Layout("dialogue"))
WINDOW = View(CASE, Layout("window", window=3))


@given(views())
def test_a_source_is_read_as_it_was_written(view: View) -> None:
    assert parse_source(render_source(view), view) == view.case.flip.source


@given(views())
def test_flips_are_read_as_they_were_written(view: View) -> None:
    pairs = {(flip.source, flip.target) for flip in shown_flips(view)}
    assert parse_flips(render_flips(view), view) == pairs


@given(views())
def test_the_flips_listed_are_those_of_the_targets_speaker_that_are_shown(view: View) -> None:
    for flip in shown_flips(view):
        assert flip.speaker == view.case.flip.speaker
        assert {flip.source, flip.target} <= set(view.shown)
    assert (view.case.flip in shown_flips(view)) == (view.case.flip.source in view.shown)


@pytest.mark.parametrize(("view", "source", "flips"), [(VIEW, "3", "1>3 3>5"), (WINDOW, "2", "2>0")])
def test_the_flow_is_told_in_the_labels_of_the_layout(view: View, source: str, flips: str) -> None:
    assert (render_source(view), render_flips(view)) == (f"Source: {source}", f"Flips: {flips}")


@pytest.mark.parametrize(
    "reply", ["", "3", "Source: none", "Source:", "Source: -3", "Source: 3 5", "The source: 3", "Source: " + "9" * 5000]
)
def test_a_source_that_cannot_be_read_is_none(reply: str) -> None:
    assert parse_source(reply, VIEW) is None


@pytest.mark.parametrize(
    "reply", ["", "1>3", "Flips:", "Flips: 3", "Flips: 1>3 none", "Flips: 1>3, 3>5", "Flips: 1>" + "9" * 5000]
)
def test_flips_that_cannot_be_read_are_none(reply: str) -> None:
    assert parse_flips(reply, VIEW) is None


def test_no_flips_are_an_answer() -> None:
    assert parse_flips("Flips: none", VIEW) == frozenset()


@given(views())
def test_the_questions_differ_in_their_last_line(view: View) -> None:
    source, flips = (ask(view)[-1].content.split("\n") for ask in (render_source_question, render_flips_question))
    assert source[:-1] == flips[:-1]
    assert source[-1] != flips[-1]
