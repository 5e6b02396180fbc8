from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_cases import CAFE, flip_cases, layouts

from fliptrace.core.emotion_sets import EMORYNLP7, EMOTION_SETS, MELD7, EmotionSet
from fliptrace.core.flips import FlipCase
from fliptrace.prompts.emotions import (
    NUM_BEFORE,
    EmotionView,
    emotion_replies,
    emotion_view,
    parse_emotion,
    render_emotion,
    render_emotion_question,
)
from fliptrace.prompts.views import Layout, View

DIALOGUE = Layout("dialogue")
WINDOW = Layout("window", window=4, max_words=3)


def test_the_window_layout_asks_in_one_message_without_any_emotion() -> None:
    [message] = render_emotion_question(EmotionView(CAFE.dialogue, 5, WINDOW))
    assert message.role == "user"
    assert message.content == ("3 A: You are late.\n2 B: Leave her alone.\n1 A: Again.\n0 self: I am sorry.\nemotion?")


def test_the_dialogue_layout_numbers_utterances_and_names_the_labels() -> None:
    system, message = render_emotion_question(EmotionView(CAFE.dialogue, 2, DIALOGUE))
    assert system.role == "system"
    assert message.content == (
        "Dialogue\n"
        "[1] Ben: Tables are free.\n"
        "[2] Ana: Good morning!\n"
        "[3] Ben: You are late.\n"
        "\n"
        "Which emotion does Ben express in [3]? Answer with one line only: `Emotion:` and one of "
        "anger, disgust, fear, joy, neutral, sadness, surprise."
    )


def test_where_earlier_utterances_are_left_out_three_dots_stand() -> None:
    lines = EmotionView(CAFE.dialogue, 3, DIALOGUE, first=2).render().split("\n")
    assert lines == ["Dialogue", "...", "[3] Ben: You are late.", "[4] Carla: Leave her alone."]


@given(flip_cases(), layouts)
def test_no_label_and_nothing_said_later_changes_the_question(case: FlipCase, layout: Layout) -> None:
    target = case.flip.target
    utterances = case.dialogue.utterances
    changed = tuple(
        replace(u, emotion="joy", text=u.text if i <= target else "later") for i, u in enumerate(utterances)
    )
    other = replace(case.dialogue, utterances=changed)
    assert render_emotion_question(emotion_view(case.dialogue, target, layout)) == render_emotion_question(
        emotion_view(other, target, layout)
    )


@given(flip_cases(), st.integers(2, 8), st.integers(1, 8))
def test_lines_are_those_of_the_trigger_prompt_without_emotions(case: FlipCase, window: int, max_words: int) -> None:
    layout = Layout("window", window=window, max_words=max_words)
    unlabelled = case.dialogue.with_emotions((None,) * len(case.dialogue))
    trigger_lines = View(case, layout).render().split("\n")[:-1]
    lines = EmotionView(unlabelled, case.flip.target, layout).render().split("\n")
    emotions = [case.dialogue.emotions[i] for i in View(case, layout).shown]
    assert lines == [
        line.replace(f" {emotion}:", ":", 1) if emotion else line
        for line, emotion in zip(trigger_lines, emotions, strict=True)
    ]


@given(flip_cases(), layouts)
def test_a_question_has_as_many_lines_as_with_harmless_text(case: FlipCase, layout: Layout) -> None:
    harmless = replace(case.dialogue, utterances=tuple(replace(u, text="yes") for u in case.dialogue.utterances))
    prompts = [
        render_emotion_question(EmotionView(d, case.flip.target, layout))[-1].content for d in (case.dialogue, harmless)
    ]
    assert len(prompts[0].splitlines()) == len(prompts[1].splitlines())
    numbers = [re.findall(r"^\[?\d+\]?", prompt, re.MULTILINE) for prompt in prompts]
    assert numbers[0] == numbers[1]


def test_a_long_dialogue_is_shown_only_so_far_back() -> None:
    long = replace(CAFE.dialogue, utterances=CAFE.dialogue.utterances * 20)
    assert emotion_view(long, 100, DIALOGUE).shown == tuple(range(100 - NUM_BEFORE, 101))
    assert emotion_view(long, 5, DIALOGUE).shown == tuple(range(6))


@pytest.mark.parametrize("emotion_set", EMOTION_SETS.values())
def test_an_emotion_is_read_as_it_was_written(emotion_set: EmotionSet) -> None:
    for layout in ("window", "dialogue"):
        replies = emotion_replies(emotion_set, layout)
        assert [parse_emotion(reply, emotion_set) for reply in replies] == list(emotion_set.labels)
    assert emotion_replies(emotion_set) == tuple(map(render_emotion, emotion_set.labels)) == emotion_set.labels


@pytest.mark.parametrize(
    ("reply", "label"),
    [
        ("joy", "joy"),
        (" Joy.\n", "joy"),
        ("**joy**", "joy"),
        ("Emotion: joy", "joy"),
        ("emotion = `joy`", "joy"),
        ("**Emotion:** Joy.", "joy"),
        ("She smiles.\nEmotion: joy", "joy"),
        ("Emotion: anger\nOn second thoughts:\nEmotion: joy", "joy"),
        ("<think>anger?\nEmotion: anger</think>joy", "joy"),
        ("Emotion: anger?\n</think>\n\nEmotion: joy", "joy"),
        ("<answer>Joy</answer>", "joy"),
        ("Emotion：ｊｏｙ", "joy"),
        ("", None),
        ("<think>\nEmotion: joy", None),
        ("happiness", None),
        ("joy or anger", None),
        ("Emotion: joy\nActually, anger.", None),
        ("Emotion: joy\nBecause she laughs.", "joy"),
        ("joy\nanger", None),
        ("Emotion: joy\nor anger", None),
        ("Emotion: joy\n(perhaps not)", None),
        ("Emotion: joy\nanger", None),
        ("<answer>anger</answer>\nEmotion: joy", None),
        ("<answer>joy</answer>\nEmotion: joy", "joy"),
        ("not joy", None),
        ("Emotion: joyful", None),
        ("She feels joy here.", None),
        ("Emotion: joy\nEmotion: ?", None),
    ],
)
def test_what_cannot_be_read_is_none_and_never_a_guess(reply: str, label: str | None) -> None:
    assert parse_emotion(reply, MELD7) == label


@pytest.mark.parametrize(
    ("reply", "label"),
    [("Emotion: joy", None), ("joy", None), ("Emotion: joy\n", "joy"), ("Emotion: joy\n\nShe smi", "joy")],
)
def test_of_a_reply_that_was_cut_off_only_a_whole_label_is_read(reply: str, label: str | None) -> None:
    assert parse_emotion(reply, MELD7, is_cut=True) == label


def test_a_label_of_another_set_is_not_read() -> None:
    assert (parse_emotion("joy", EMORYNLP7), parse_emotion("joyful", EMORYNLP7)) == (None, "joyful")


def test_a_view_ends_within_the_dialogue() -> None:
    with pytest.raises(ValueError, match=r"dialogue 'cafe': view from utterance 0 to 6; expected .* within 0\.\.5"):
        EmotionView(CAFE.dialogue, 6, WINDOW)
