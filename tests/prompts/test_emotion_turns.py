from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_cases import CAFE

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import MELD7
from fliptrace.prompts.emotion_turns import (
    NUM_CONTEXT,
    TURN_UTTERANCES,
    emotion_turns,
    render_turn_question,
    render_turn_reply,
)


def dialogue_of(length: int) -> Dialogue:
    return Dialogue("d", "d", tuple(Utterance("Ann", f"Word {i}.") for i in range(length)), MELD7)


@given(st.integers(1, 150))
def test_the_turns_of_a_dialogue_ask_about_every_utterance_once(length: int) -> None:
    turns = list(emotion_turns(dialogue_of(length)))
    assert [i for turn in turns for i in turn.indices] == list(range(length))
    assert all(turn.last - turn.first < TURN_UTTERANCES for turn in turns)
    assert all(turn.asked - turn.first == NUM_CONTEXT for turn in turns[1:])


def test_a_question_shows_numbered_lines_without_labels_and_says_which_are_asked_about() -> None:
    [turn] = emotion_turns(CAFE.dialogue)
    system, question = render_turn_question(turn)
    assert ", ".join(CAFE.dialogue.emotion_set.labels) in system.content
    assert question.content == (
        "Dialogue\n"
        "1 Ben: Tables are free.\n"
        "2 Ana: Good morning!\n"
        "3 Ben: You are late.\n"
        "4 Carla: Leave her alone.\n"
        "5 Ben: Again.\n"
        "6 Ana: I am sorry.\n"
        "\n"
        "Emotions 1-6"
    )


def test_a_later_turn_begins_with_context() -> None:
    *_, turn = emotion_turns(dialogue_of(50))
    lines = render_turn_question(turn)[-1].content.splitlines()
    assert lines[:3] == ["Dialogue", "...", "25 Ann: Word 24."]
    assert lines[-1] == "Emotions 33-50"


@pytest.mark.parametrize(
    ("labels", "reply"),
    [({0: "joy", 1: "fear"}, "1 joy\n2 fear"), ({1: "fear"}, "2 fear"), ({}, "")],
)
def test_an_utterance_without_a_label_has_no_line(labels: dict[int, str], reply: str) -> None:
    [turn] = emotion_turns(dialogue_of(2))
    assert render_turn_reply(turn, labels) == reply
