from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_cases import CAFE, case, flip_cases, layouts, texts, views

from fliptrace.core.errors import InputError
from fliptrace.core.flips import FlipCase, find_flips
from fliptrace.prompts.answers import render_question
from fliptrace.prompts.texts import escape
from fliptrace.prompts.views import Layout, View, training_view, truncate_to_context

DIALOGUE = Layout("dialogue")
WINDOW = Layout("window")


def test_the_dialogue_layout_shows_numbered_utterances_the_flip_and_its_candidates() -> None:
    assert View(CAFE, replace(DIALOGUE, reach=3)).render() == (
        "Dialogue\n"
        "[1] Ben (neutral): Tables are free.\n"
        "[2] Ana (neutral): Good morning!\n"
        "[3] Ben (anger): You are late.\n"
        "[4] Carla (neutral): Leave her alone.\n"
        "[5] Ben (anger): Again.\n"
        "[6] Ana (fear): I am sorry.\n"
        "\n"
        "Ana flips from neutral in [2] to fear in [6].\n"
        "Candidates by distance from the target:\n"
        "0 [6] Ana fear\n"
        "1 [5] Ben anger\n"
        "2 [4] Carla neutral"
    )


def test_the_window_layout_counts_back_from_the_target_and_names_speakers_by_nearness() -> None:
    assert View(CAFE, replace(WINDOW, window=5, max_words=2)).render() == (
        "4 self neutral: Good morning!\n"
        "3 A anger: You are\n"
        "2 B neutral: Leave her\n"
        "1 A anger: Again.\n"
        "0 self fear: I am\n"
        "flip neutral to fear, source 4"
    )


def test_where_utterances_are_left_out_three_dots_stand() -> None:
    lines = View(CAFE, DIALOGUE, first=4).render().split("\n")
    assert lines[:6] == [
        "Dialogue",
        "...",
        "[2] Ana (neutral): Good morning!",
        "...",
        "[5] Ben (anger): Again.",
        "[6] Ana (fear): I am sorry.",
    ]


def test_cues_and_missing_emotions_are_shown_as_such() -> None:
    shown = case(("Ben", None, "Hm"), ("Ana", "joy"), ("Ana", "fear"))
    utterances = (replace(shown.dialogue.utterances[0], cues=("laughs", "slams the door")),)
    dialogue = replace(shown.dialogue, utterances=utterances + shown.dialogue.utterances[1:])
    with_cues = replace(shown, dialogue=dialogue)
    assert "[1] Ben: Hm {laughs, slams the door}\n" in View(with_cues, DIALOGUE).render()
    assert "2 A: Hm {laughs, slams the door}\n" in View(with_cues, WINDOW).render()


@given(views(), st.integers(-5, 50))
def test_index_is_the_inverse_of_label(view: View, number: int) -> None:
    assert view.label(view.index(number)) == number
    assert view.index(view.label(number)) == number


@given(views())
def test_candidates_are_the_shown_utterances_within_reach_by_ascending_label(view: View) -> None:
    labels = [view.label(i) for i in view.candidates]
    assert labels == sorted(labels)
    assert set(view.candidates) == {i for i in view.shown if view.target - i < view.layout.reach}
    assert view.target in view.candidates


@given(flip_cases(), st.integers(2, 8))
def test_a_window_shows_the_last_utterances_up_to_the_target(drawn: FlipCase, window: int) -> None:
    view = View(drawn, Layout("window", window=window))
    assert view.shown == tuple(range(drawn.flip.target + 1))[-window:]
    assert len(view.render().split("\n")) == len(view.shown) + 1


@given(flip_cases(), layouts)
def test_a_training_view_shows_nothing_before_known_from(drawn: FlipCase, layout: Layout) -> None:
    view = training_view(drawn, layout)
    assert min(view.shown) >= drawn.known_from
    assert view.visible(drawn.known_triggers) == drawn.known_triggers & set(view.shown)
    assert layout.name == "window" or view.visible(drawn.known_triggers) == drawn.known_triggers


@given(flip_cases())
def test_the_dialogue_layout_shows_the_source_wherever_it_lies(drawn: FlipCase) -> None:
    for first in range(drawn.flip.target + 1):
        assert {drawn.flip.source, drawn.flip.target} <= set(View(drawn, DIALOGUE, first).shown)


@given(flip_cases())
def test_cases_of_one_dialogue_share_their_prompt_up_to_the_earlier_target(drawn: FlipCase) -> None:
    """Prefix trees and prompt caches depend on this."""
    flips = find_flips(drawn.dialogue)
    prompts = [render_question(View(FlipCase(str(f), drawn.dialogue, f), DIALOGUE), "answer") for f in flips]
    for flip, earlier, later in zip(flips, prompts, prompts[1:], strict=False):
        assert earlier[0] == later[0]
        shared = "\n".join(earlier[1].content.split("\n")[: 1 + flip.target + 1]) + "\n"
        assert shared.split("\n")[-2].startswith(f"[{flip.target + 1}] ")
        assert later[1].content.startswith(shared)


@given(flip_cases(), layouts)
def test_what_a_view_does_not_show_changes_nothing_in_it(drawn: FlipCase, layout: Layout) -> None:
    view = View(drawn, layout, first=drawn.flip.source)
    utterances = tuple(
        u if i in view.shown else replace(u, text="hidden", emotion="joy")
        for i, u in enumerate(drawn.dialogue.utterances)
    )
    dialogue = replace(drawn.dialogue, utterances=utterances)
    if drawn.flip.source not in view.shown:  # the view mentions only its number and its emotion
        dialogue = dialogue.with_emotions(
            tuple(drawn.flip.before if i == drawn.flip.source else e for i, e in enumerate(dialogue.emotions))
        )
    assert View(replace(drawn, dialogue=dialogue), layout, first=drawn.flip.source).render() == view.render()


@given(texts)
def test_escaped_text_is_one_printable_line_without_signs_of_ours(text: str) -> None:
    escaped = escape(text)
    assert escaped.isprintable()
    assert escaped == " ".join(escaped.split())
    assert not set(escaped) & set("<>[]{}|")
    assert escape(escaped) == escaped
    escaped.encode()


@given(views(), st.integers(1, 400))
def test_what_is_fitted_fits_and_with_one_more_utterance_would_not(view: View, num_chars: int) -> None:
    def fits(shown: View) -> bool:
        return len(shown.render()) <= num_chars

    try:
        truncated = truncate_to_context(view, fits)
    except InputError:
        assert not any(fits(replace(view, first=first)) for first in range(view.first, view.target + 1))
        return
    assert fits(truncated.view)
    assert truncated.num_dropped == len(view.shown) - len(truncated.view.shown)
    assert set(truncated.view.shown) <= set(view.shown)
    larger = [replace(view, first=first) for first in range(view.first, truncated.view.first)]
    assert not any(fits(shown) for shown in larger)


@given(views())
def test_each_utterance_dropped_makes_a_prompt_shorter_or_leaves_it(view: View) -> None:
    sizes = [len(replace(view, first=first).render()) for first in range(view.target + 1)]
    assert all(later <= earlier for earlier, later in pairwise(sizes))


def test_the_oldest_utterances_are_dropped_first() -> None:
    truncated = truncate_to_context(View(CAFE, DIALOGUE), lambda view: len(view.shown) <= 3)
    assert (truncated.view.shown, truncated.num_dropped) == ((1, 4, 5), 3)


def test_a_flip_that_does_not_fit_at_all_is_refused_by_its_case() -> None:
    with pytest.raises(InputError, match="case cafe: flip and question alone overrun the model's context"):
        truncate_to_context(View(CAFE, DIALOGUE), lambda view: False)


def test_a_view_starts_at_the_target_at_the_latest() -> None:
    with pytest.raises(ValueError, match=r"case 'cafe': view starts at utterance 6; expected 0\.\.5, the target"):
        View(CAFE, DIALOGUE, first=6)


@pytest.mark.parametrize(("field", "value"), [("window", 1), ("max_words", 0), ("reach", 0)])
def test_a_layout_shows_something(field: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"layout {field} {value}: expected at least {value + 1}"):
        Layout(**{field: value})


def test_the_shared_layout_asks_about_a_flip_in_a_few_tokens() -> None:
    assert View(CAFE, Layout("shared")).render() == (
        "Dialogue\n"
        "1 Ben (neutral): Tables are free.\n"
        "2 Ana (neutral): Good morning!\n"
        "3 Ben (anger): You are late.\n"
        "4 Carla (neutral): Leave her alone.\n"
        "5 Ben (anger): Again.\n"
        "6 Ana (fear): I am sorry.\n"
        "\n"
        "Flip 2->6"
    )


def test_the_shared_layout_tells_the_emotion_of_a_source_that_it_does_not_show() -> None:
    spoken = [("Ana", "joy"), *[("Ben", "neutral")] * 39, ("Ana", "fear")]
    lines = View(case(*spoken), Layout("shared")).render().splitlines()
    assert lines[1] == "..." and lines[2].startswith("17 Ben (neutral):")
    assert lines[-1] == "Flip joy->41"


def test_targets_of_a_block_show_the_same_beginning() -> None:
    spoken = [(("Ana", "Ben")[i % 2], ("joy", "fear")[i // 2 % 2]) for i in range(48)]
    long = case(*spoken).dialogue
    views = [
        View(FlipCase("c", replace(long, utterances=long.utterances[: flip.target + 1]), flip), Layout("shared"))
        for flip in find_flips(long)
        if 32 <= flip.target < 48
    ]
    assert len(views) > 5
    assert {view.shown[0] for view in views} == {16}
    longest = views[-1].render()
    assert all(longest.startswith(view.render().rpartition("\n\n")[0]) for view in views)
