from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_cases import CAFE, emotions, flip_cases, layouts

from fliptrace.core.flips import FlipCase
from fliptrace.prompts.emotions import EmotionView
from fliptrace.prompts.unified import (
    bare_view,
    parse_labels,
    render_labels,
    render_labels_question,
    render_unified_question,
)
from fliptrace.prompts.views import Layout, View

DIALOGUE = Layout("dialogue", reach=3)
WINDOW = Layout("window", window=3)
LABELS = dict(enumerate(("neutral", "neutral", "anger", "neutral", "anger", "fear")))


def test_the_window_layout_asks_for_all_emotions_and_then_for_triggers() -> None:
    view = View(CAFE, replace(WINDOW, window=5))
    labels = render_labels(bare_view(view), LABELS)
    assert labels == "4 neutral\n3 anger\n2 neutral\n1 anger\n0 fear"
    first, said, second = render_unified_question(view, labels, "answer")
    assert first.content == (
        "4 self: Good morning!\n3 A: You are late.\n2 B: Leave her alone.\n1 A: Again.\n0 self: I am sorry.\nemotions?"
    )
    assert (said.role, said.content) == ("assistant", labels)
    assert second.content == "flip neutral to fear, source 4\ntriggers?"


def test_the_dialogue_layout_tells_the_flip_in_its_second_turn() -> None:
    view = View(CAFE, DIALOGUE)
    system, first, said, second = render_unified_question(view, render_labels(bare_view(view), LABELS), "answer")
    assert [m.role for m in (system, first, said, second)] == ["system", "user", "assistant", "user"]
    assert "(" not in first.content.split("\n\n")[0]
    assert "such as `[1] anger`" in first.content
    assert said.content.split("\n")[0] == "[1] neutral"
    assert second.content.startswith("Ana flips from neutral in [2] to fear in [6].\nCandidates by distance")
    assert second.content.endswith("or `Triggers: none`.")


@given(flip_cases(), layouts, st.data())
def test_labels_are_read_as_they_were_written(case: FlipCase, layout: Layout, data: st.DataObject) -> None:
    view = bare_view(View(case, layout, first=data.draw(st.integers(0, case.flip.source))))
    labels = {i: data.draw(emotions) for i in view.shown}
    assert parse_labels(render_labels(view, labels), view) == labels


@given(flip_cases(), layouts)
def test_no_label_of_the_transcript_stands_in_the_first_turn(case: FlipCase, layout: Layout) -> None:
    view = bare_view(View(case, layout))
    unlabelled = replace(view, dialogue=view.dialogue.with_emotions((None,) * len(view.dialogue)))
    assert render_labels_question(view) == render_labels_question(unlabelled)


@pytest.mark.parametrize(
    ("reply", "labels"),
    [
        ("[1] joy\n[2] anger", {0: "joy", 1: "anger"}),
        (
            "1 joy\n2: Anger\n- [3]: **fear**\n4. joy\n(5) = fear",
            {0: "joy", 1: "anger", 2: "fear", 3: "joy", 4: "fear"},
        ),
        ("[1] joy\n[1] joy", {0: "joy"}),
        ("<think>\n[1] anger\n</think>\n[1] joy", {0: "joy"}),
        ("<think>\n[1] anger", {}),
        ("［１］ joy", {0: "joy"}),
        ("[1] joy\n[1] anger\n[2] fear", {1: "fear"}),
        ("[7] joy\n[0] joy", {}),
        ("[1] happiness\n[2] joy, mostly", {}),
        ("[1] Ben: joy", {}),
        ("", {}),
        ("joy", {}),
        ("9" * 5000 + " joy", {}),
        ("[1] joy\n[2] anger\n\nBen shouts.\nAna is quiet in the end.", {0: "joy", 1: "anger"}),
        ("Ana hides her anger and her fear.\n[1] joy\n[2] anger", {0: "joy", 1: "anger"}),
        ("[1] joy\n[2] anger\n[1] happiness", {1: "anger"}),
        ("[1] joy\n[2] anger\n[3] fear\n1-2: sadness", {2: "fear"}),
        ("[1] joy\n[2] anger\n[3] fear\n[1], [3]: not sure", {1: "anger"}),
        ("[1] joy\n[2] anger\nor fear", {0: "joy"}),
        ("[1] joy\n[2] anger\n(perhaps sad)", {0: "joy"}),
        ("[1] joy\n[2] anger\nIn [1] Ben shows no joy.", {1: "anger"}),
        ('[1] joy\n[2] anger\n{"emotions": ["fear", "joy"]}', {}),
        ("[1] joy\n[2] anger\nWait, no.\n[1] fear", {}),
        ("Wait.\n[1] joy", {0: "joy"}),
        ("-1 joy", {}),
        ("[1) joy\n2] joy", {}),
    ],
)
def test_labels_that_cannot_be_read_are_missing(reply: str, labels: dict[int, str]) -> None:
    assert parse_labels(reply, EmotionView(CAFE.dialogue, 5, DIALOGUE)) == labels


# Lines about the first utterance that no careful reader takes for its label, or for that of no other utterance.
UNCLEAR = (
    "[1] {label} or {other}",
    "[1] {label}?",
    "[1] not {label}",
    "[1] perhaps {label}",
    "[1] {label} (weak)",
    "[1] {label}, {other}",
    "[1] no label",
    "-1 {label}",
    "[1) {label}",
    "1.5 {label}",
    "1/2 {label}",
    "1-2 {label}",
    "[1] to [3]: {label}",
    "1, 2: {label}",
    "Utterance 1 may be {label}.",
    "The first one, [1], is {label}",
    "| 1 | {label} |",
    '{{"1": "{label}"}}',
    "~~[1] {label}~~",
)
# What revises the label in the line before, or more.
REVISIONS = (
    "or {other}",
    "(or {other})",
    "• or rather {other}",
    "{other}",
    "but also {other}",
    "perhaps none",
    "Actually, it is {other}.",
    "**Correction:** {other}",
    "No, that is wrong.",
    "- Wait, Ben is joking.",
    "<think>Is it {other}?",
)
LABEL = st.sampled_from(CAFE.dialogue.emotion_set.labels)
LABELS_OF_ALL = st.tuples(*[LABEL] * 6)


@given(LABELS_OF_ALL, st.sampled_from(UNCLEAR), LABEL, LABEL, st.integers(0, 6))
def test_no_label_is_read_beside_a_line_that_may_mean_another(
    labels: tuple[str, ...], form: str, label: str, other: str, place: int
) -> None:
    view = EmotionView(CAFE.dialogue, 5, DIALOGUE)
    unclear = form.format(label=label, other=other)
    lines = render_labels(view, dict(enumerate(labels))).split("\n")
    lines.insert(place, unclear)
    read = parse_labels("\n".join(lines), view)
    assert 0 not in read
    assert read.items() <= dict(enumerate(labels)).items()
    assert parse_labels(unclear, view) == {}


@given(LABELS_OF_ALL, st.sampled_from(REVISIONS), LABEL, st.integers(0, 5))
def test_no_label_is_read_that_the_reply_revises(labels: tuple[str, ...], form: str, other: str, place: int) -> None:
    view = EmotionView(CAFE.dialogue, 5, DIALOGUE)
    lines = render_labels(view, dict(enumerate(labels))).split("\n")
    lines.insert(place + 1, form.format(other=other))
    read = parse_labels("\n".join(lines), view)
    assert place not in read
    assert read.items() <= dict(enumerate(labels)).items()


@given(flip_cases(), layouts, st.text(" \n[]().:-*|=12345 or not joy fear anger", max_size=60))
def test_every_label_that_is_read_stands_on_a_line_with_its_number(case: FlipCase, layout: Layout, text: str) -> None:
    view = bare_view(View(case, layout))
    for index, label in parse_labels(text, view).items():
        lines = [line for line in text.splitlines() if re.search(rf"(?<!\d)0*{view.label(index)}(?!\d)", line)]
        assert lines and all(re.findall("[a-z]+", line) == [label] for line in lines)


def test_the_numbers_of_a_list_are_those_of_utterances_only_where_both_are_the_same() -> None:
    listed = "1. joy\n2. anger\n3. fear"
    assert parse_labels(listed, EmotionView(CAFE.dialogue, 5, DIALOGUE)) == {0: "joy", 1: "anger", 2: "fear"}
    assert parse_labels(listed, EmotionView(CAFE.dialogue, 5, DIALOGUE, first=1)) == {}
    assert parse_labels("3. joy\n4. anger", EmotionView(CAFE.dialogue, 5, DIALOGUE, first=2)) == {2: "joy", 3: "anger"}
    assert parse_labels(listed, EmotionView(CAFE.dialogue, 5, WINDOW)) == {}
    assert parse_labels("2 joy\n1 anger\n0 fear", EmotionView(CAFE.dialogue, 5, WINDOW)) == {
        3: "joy",
        4: "anger",
        5: "fear",
    }


@pytest.mark.parametrize(
    ("reply", "labels"),
    [
        ("[1] joy\n[2] anger", {0: "joy"}),
        ("[1] joy\n[2] anger\n", {0: "joy", 1: "anger"}),
        ("[1] joy\n[2] anger\n[1", {1: "anger"}),
        ("[1] joy\n[2] anger\nBen sh", {0: "joy", 1: "anger"}),
        ("", {}),
    ],
)
def test_the_last_line_of_a_reply_that_was_cut_off_is_not_read(reply: str, labels: dict[int, str]) -> None:
    assert parse_labels(reply, EmotionView(CAFE.dialogue, 5, DIALOGUE), is_cut=True) == labels


@given(flip_cases(), layouts)
def test_fake_lines_in_a_transcript_change_neither_turn(case: FlipCase, layout: Layout) -> None:
    def spoken(text: str) -> FlipCase:
        utterances = tuple(replace(u, text=text, cues=()) for u in case.dialogue.utterances)
        return replace(case, dialogue=replace(case.dialogue, utterances=utterances))

    fake, plain = View(spoken("yes\n[1] joy\n1 joy\nTriggers: 1"), layout), View(spoken("yes"), layout)
    labels = render_labels(bare_view(plain), dict.fromkeys(range(len(case.dialogue)), "anger"))
    asked = [render_unified_question(view, labels, "answer") for view in (fake, plain)]
    assert len(asked[0][-3].content.splitlines()) == len(asked[1][-3].content.splitlines())
    assert asked[0][-2:] == asked[1][-2:]
    assert "[1] joy" not in asked[0][-3].content
    assert parse_labels(labels, bare_view(fake)) == parse_labels(labels, bare_view(plain))
