from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import MELD7
from fliptrace.corpora.groups import (
    assign_groups,
    assign_groups_across,
    find_groups,
    normalise_text,
    shared_groups,
)


def talk(name: str, *lines: str, group: str = "", speakers: Sequence[str] = ("Ada", "Bo")) -> Dialogue:
    said = tuple(Utterance(speakers[i % len(speakers)], line) for i, line in enumerate(lines))
    return Dialogue(name, group, said, MELD7)


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        ("I'm NOT going!", "im not going"),
        ("I’m not   going…", "im not going"),
        ("no--wait", "no wait"),
        ("Café №5", "café no5"),
        ("मैं नहीं जाऊँगी!", "मैं नहीं जाऊँगी"),
        ("?!", ""),
    ],
)
def test_text_is_compared_without_case_and_punctuation(text: str, normalised: str) -> None:
    assert normalise_text(text) == normalised


@pytest.mark.parametrize(
    ("left", "right", "together"),
    [
        # A run of two lines with 6 words joins, at any position and with any speakers.
        (("Where is my coat?", "On the chair."), ("Hello.", "where is my coat", "on the chair"), True),
        (("Where is my coat?", "No idea."), ("Hi!", "Where is my coat?", "No idea."), True),
        # A run of 5 words is too short.
        (("Hi there!", "Hello to you.", "A"), ("Yes.", "Hi there!", "Hello to you.", "B"), False),
        # One long line is not a run.
        (("I never want to see you here again.", "A b c"), ("I never want to see you here again.", "D e f"), False),
        # A dialogue too short for a run joins its duplicates and the dialogues that begin with all of it.
        (("Hi!", "Hello."), ("Hi!", "Hello.", "So here we are again, you and me.", "Yes."), True),
        (("Hi!", "Hello."), ("So!", "Hi!", "Hello.", "So here we are again, you and me."), False),
        (("Hi!",), ("Hi!",), True),
        # A single line joins only its duplicates, however long it is.
        (("I never want to see you here again.",), ("I never want to see you here again.", "Oh."), False),
    ],
)
def test_what_joins_two_dialogues(left: Sequence[str], right: Sequence[str], together: bool) -> None:
    first, second = find_groups([talk("a", *left), talk("b", *right)])
    assert (first == second) == together


def test_a_short_dialogue_joins_by_its_speakers_too() -> None:
    short = talk("a", "Hi!", "Hello.")
    other = talk("b", "Hi!", "Hello.", "Well.", speakers=("Cy", "Di"))
    assert len(set(find_groups([short, other]))) == 2


def test_groups_are_closed_under_union() -> None:
    left = talk("a", "Where is my coat?", "On the chair.")
    bridge = talk("b", "Where is my coat?", "On the chair.", "Who put my keys there?", "Nobody did.")
    right = talk("c", "Who put my keys there?", "Nobody did.")
    assert len(set(find_groups([left, right]))) == 2
    assert len(set(find_groups([left, right, bridge]))) == 1


def test_names_depend_on_texts_not_on_ids_or_order() -> None:
    some = [talk("a", "Where is my coat?", "On the chair."), talk("b", "Nice weather we are having.", "Is it?")]
    renamed = [talk("x", *(u.text for u in d.utterances)) for d in reversed(some)]
    assert find_groups(some) == tuple(reversed(find_groups(renamed)))


LINES = st.lists(st.sampled_from(["Yes.", "No!", "Where is my coat?", "On the chair.", "Nobody did it."]), min_size=1)


@given(st.lists(LINES, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_grouping_does_not_depend_on_the_order_of_dialogues(texts: list[list[str]], random: Random) -> None:
    dialogues = [talk(str(i), *lines[:6]) for i, lines in enumerate(texts)]
    shuffled = list(dialogues)
    random.shuffle(shuffled)
    assert {d.id: d.group for d in assign_groups(dialogues)} == {d.id: d.group for d in assign_groups(shuffled)}


def test_groups_over_several_files_come_back_file_by_file() -> None:
    train = [talk("a", "Where is my coat?", "On the chair."), talk("b", "Nice weather we are having.", "Is it?")]
    val = [talk("c", "So where is it?", "Where is my coat?", "On the chair.")]
    first, second = assign_groups_across([train, val])
    assert [d.id for d in first] == ["a", "b"]
    shared = shared_groups(first, second)
    assert (shared.groups, shared.num_left, shared.num_right) == ({first[0].group}, 1, 1)


def test_groups_carried_already_stay_together_if_kept() -> None:
    apart = [talk("a", "One thing here.", group="g"), talk("b", "Another thing there.", group="g")]
    assert len(set(find_groups(apart))) == 2
    assert len(set(find_groups(apart, keep=True))) == 1
