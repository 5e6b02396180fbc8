from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_cases import CAFE, case, emotions, flip_cases, layouts, views

from fliptrace.core.flips import FlipCase
from fliptrace.prompts.chains import (
    WORDINGS,
    Chain,
    Observation,
    Wording,
    false_observations,
    observe,
    parse_chain,
    render_chain,
)
from fliptrace.prompts.views import Layout, LayoutName, View

DIALOGUE = View(CAFE, Layout("dialogue", reach=3))
WINDOW = View(CAFE, Layout("window", reach=3))
EVERY_WORDING = [(layout, wording) for layout, wordings in WORDINGS.items() for wording in wordings]


@st.composite
def chains(draw: st.DrawFn) -> tuple[View, Chain]:
    """A view with random observations of every candidate, true or false, and random verdicts."""
    view = draw(views())
    seen = [
        Observation(i, draw(st.booleans()), draw(emotions | st.just("unknown")), draw(st.booleans()))
        for i in view.candidates
    ]
    return view, Chain(tuple(seen), draw(st.frozensets(st.sampled_from(view.candidates))))


@given(chains())
def test_a_chain_is_read_as_it_was_written_in_every_wording(drawn: tuple[View, Chain]) -> None:
    view, chain = drawn
    for wording in WORDINGS[view.layout.name]:
        assert parse_chain(render_chain(chain, view, wording), view).chain == chain


def test_every_layout_has_wordings() -> None:
    assert {layout: len(wordings) for layout, wordings in WORDINGS.items()} == {"window": 2, "dialogue": 3, "shared": 2}


@pytest.mark.parametrize(("layout", "wording"), EVERY_WORDING)
def test_emotions_of_other_sets_are_read_too(layout: LayoutName, wording: Wording) -> None:
    view = View(CAFE, Layout(layout))
    chain = Chain((Observation(5, True, "very happy", False), Observation(4, False, "mad-ish", True)), frozenset())
    assert parse_chain(render_chain(chain, view, wording), view).chain == chain


def test_a_chain_observes_then_judges_then_answers() -> None:
    chain = Chain(observe(DIALOGUE), frozenset({4}))
    assert render_chain(chain, DIALOGUE, WORDINGS["dialogue"][0]) == (
        "The emotion goes from neutral to fear.\n"
        "[4] is said by somebody else with neutral, no shift for them.\n"
        "[5] is said by somebody else with anger, no shift for them.\n"
        "[6] is said by the same speaker with fear, a shift for them.\n"
        "[4] did not trigger it.\n"
        "[5] triggered the flip.\n"
        "[6] did not trigger it.\n"
        "Triggers: 5"
    )


def test_in_the_shared_layout_the_nearest_candidates_are_quoted_and_the_answer_is_the_verdict() -> None:
    view = View(CAFE, Layout("shared", reach=3))
    assert render_chain(Chain(observe(view), frozenset({4})), view, WORDINGS["shared"][0]) == (
        "neutral to fear\n"
        "4 other neutral as before\n"
        '5 other anger as before "Again."\n'
        '6 same fear new "I am sorry."\n'
        "Triggers: 5"
    )


@pytest.mark.parametrize(("quoted", "is_false"), [("am sorry.", False), ("", False), ("am sor", True), ("late", True)])
def test_words_that_the_utterance_does_not_say_make_an_observation_false(quoted: str, is_false: bool) -> None:
    view = View(CAFE, Layout("shared", reach=3))
    seen = replace(observe(view)[-1], quoted=quoted)
    assert list(false_observations((seen,), view)) == ([seen] if is_false else [])


@given(views())
def test_the_observations_of_a_rendered_chain_are_all_true(view: View) -> None:
    chain = Chain(observe(view), frozenset())
    for wording in WORDINGS[view.layout.name]:
        assert list(false_observations(parse_chain(render_chain(chain, view, wording), view).observations, view)) == []


@pytest.mark.parametrize(
    "wrong",
    [
        Observation(4, True, "anger", False),
        Observation(4, False, "joy", False),
        Observation(4, False, "anger", True),
        Observation(0, False, "neutral", False),  # true, but out of reach: not a candidate
        Observation(17, False, "anger", False),
    ],
)
def test_an_observation_that_the_prompt_does_not_bear_out_is_false(wrong: Observation) -> None:
    assert list(false_observations((wrong, *observe(DIALOGUE)), DIALOGUE)) == [wrong]


@pytest.mark.parametrize(
    ("earlier", "now", "is_shift"),
    [("joy", "fear", True), ("fear", "fear", False), (None, "fear", False), ("joy", None, False), (None, None, False)],
)
def test_a_shift_is_from_one_known_emotion_to_another(earlier: str | None, now: str | None, is_shift: bool) -> None:
    view = View(case(("Ben", earlier), ("Ana", "joy"), ("Ben", now), ("Ana", "fear")), Layout())
    assert observe(view)[2].is_shift is is_shift


def test_the_first_shown_utterance_of_a_speaker_is_no_shift() -> None:
    view = View(case(("Ben", "joy"), ("Ana", "joy"), ("Ben", "fear"), ("Ana", "fear")), Layout(), first=1)
    assert [seen.is_shift for seen in observe(view)] == [False, False, True]


@given(flip_cases(), layouts, st.data())
def test_other_triggers_change_verdicts_and_answer_line_and_nothing_else(
    drawn: FlipCase, layout: Layout, data: st.DataObject
) -> None:
    corrupted = replace(drawn, triggers=data.draw(st.frozensets(st.integers(0, drawn.flip.target))))
    for wording in WORDINGS[layout.name]:
        chains = [_lines(View(c, layout), wording) for c in (drawn, corrupted)]
        num_candidates = len(View(drawn, layout).candidates)
        assert [lines[: 1 + num_candidates] for lines in chains] == [chains[0][: 1 + num_candidates]] * 2
        num_lines = 1 + (2 if wording.yes else 1) * num_candidates + 1
        assert len(chains[0]) == len(chains[1]) == num_lines


@given(flip_cases(), layouts, st.integers(0, 10))
def test_observations_depend_on_what_the_view_shows_alone(drawn: FlipCase, layout: Layout, first: int) -> None:
    view = View(drawn, layout, min(first, drawn.flip.target))
    kept = {*view.shown, drawn.flip.source}
    labels = tuple(e if i in kept else None for i, e in enumerate(drawn.dialogue.emotions))
    other = replace(drawn, dialogue=drawn.dialogue.with_emotions(labels))
    assert observe(replace(view, case=other)) == observe(view)


@pytest.mark.parametrize(
    ("view", "reply", "verdicts", "answer"),
    [
        (WINDOW, "0 yes\n1 no\nTriggers: 1", {5}, {4}),
        (WINDOW, "0 yes\nTriggers: 0 1", {5}, {4, 5}),
        (WINDOW, "Triggers: 1", set(), {4}),
        (DIALOGUE, "So [5] brought it about.\nTriggers: none", {4}, set()),
    ],
)
def test_a_chain_whose_answer_contradicts_its_verdicts_is_none(
    view: View, reply: str, verdicts: set[int], answer: set[int]
) -> None:
    parsed = parse_chain(reply, view)
    assert (parsed.verdicts, parsed.answer.value, parsed.chain) == (verdicts, answer, None)


def test_a_chain_without_an_answer_line_is_none() -> None:
    parsed = parse_chain("0 yes\n1 no", WINDOW)
    assert (parsed.answer.value, parsed.answer.anomalies, parsed.chain) == (None, ("unreadable",), None)


def test_lines_in_no_wording_are_passed_over() -> None:
    parsed = parse_chain("flip neutral to fear\nhm\n1 A anger, as before\nwell\n1 yes\nTriggers: 1", WINDOW)
    assert parsed.chain == Chain((Observation(4, False, "anger", False),), frozenset({4}))


def test_verdicts_on_utterances_that_there_are_not_are_read_for_what_they_are() -> None:
    parsed = parse_chain("9 yes\nTriggers: 9", WINDOW)
    assert (parsed.verdicts, parsed.answer.anomalies, parsed.chain) == ({-4}, ("unknown utterance",), None)


def _lines(view: View, wording: Wording) -> list[str]:
    triggers = view.case.known_triggers & frozenset(view.candidates)
    return render_chain(Chain(observe(view), triggers), view, wording).split("\n")
