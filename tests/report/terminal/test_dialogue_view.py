from __future__ import annotations

from dataclasses import replace

import pytest
from rich.console import Console
from run_folders import predictions

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import MELD7
from fliptrace.core.flips import find_flips
from fliptrace.core.messages import Answer
from fliptrace.core.voting import Vote, vote
from fliptrace.prompts.views import LayoutName
from fliptrace.report.terminal.dialogue import ShownFlip, show_dialogue

LINES = (("Rachel", "neutral"), ("Chandler", "neutral"), ("Ross", "joy"), ("Chandler", "surprise"), ("Rachel", "anger"))
DIALOGUE = Dialogue("cake", "cake", tuple(Utterance(who, f"line by {who}", how) for who, how in LINES), MELD7)
CHANDLERS, RACHELS = find_flips(DIALOGUE)


def shown(dialogue: Dialogue, *flips: ShownFlip, layout: LayoutName = "dialogue") -> str:
    console = Console(width=120, force_terminal=False)
    with console.capture() as capture:
        show_dialogue(console, dialogue, flips, layout)
    return capture.get()


def votes(*answers: set[int] | None) -> Vote:
    return vote([None if answer is None else frozenset(answer) for answer in answers], len(DIALOGUE))


@pytest.mark.parametrize(
    ("ballot", "gold", "sentence"),
    [
        (votes({3}, {3, 2}), frozenset({3}), "triggered by [3] (support 0.50), [4]; gold: [4] (partly right)"),
        (votes({3}), frozenset({3}), "triggered by [4]; gold: [4] (right)"),
        (votes({3}), frozenset({1}), "triggered by [4]; gold: [2] (wrong)"),
        (votes({3}), None, "triggered by [4]"),
        (votes(set()), frozenset(), "triggered by nothing in the dialogue; gold: none (right)"),
        (votes(None), frozenset(), "no answer could be read; gold: none (wrong)"),
    ],
)
def test_a_flip_is_described_in_one_sentence(ballot: Vote, gold: frozenset[int] | None, sentence: str) -> None:
    lines = shown(DIALOGUE, ShownFlip(RACHELS, ballot, gold)).splitlines()
    assert lines[-1].rstrip() == f"↯ Rachel flips from neutral [1] to anger [5]; {sentence}"


def test_utterances_are_numbered_from_one_and_targets_marked() -> None:
    text = shown(DIALOGUE, ShownFlip(RACHELS, votes({3})), ShownFlip(CHANDLERS, votes({2})))
    rows = [line.split() for line in text.splitlines()[1:6]]
    assert [row[0] for row in rows] == ["[1]", "[2]", "[3]", "[4]", "[5]"]
    assert [row[1] == "↯" for row in rows] == [False, False, False, True, True]
    assert text.index("Chandler flips") < text.index("Rachel flips")  # in the order of their targets


def test_transcript_and_reply_are_no_markup_and_no_terminal_commands() -> None:
    nasty = Utterance("[red]Eve[/]", "[/nonsense] [bold]hi\x1b[31m\x07", "joy", cues=("[i]laughs",))
    dialogue = Dialogue("[x]", "x", (nasty, *DIALOGUE.utterances), MELD7)
    flip = find_flips(dialogue)[-1]
    text = shown(dialogue, ShownFlip(flip, votes({3}), reply="[link=file:///x]5[/link]\x1b]0;title\x07"))
    for kept in ("[red]Eve[/]", "[/nonsense] [bold]hi", "([i]laughs)", "[link=file:///x]5[/link]"):
        assert kept in text
    assert "\x1b" not in text
    assert "\x07" not in text


def test_reasoning_is_indented_under_its_flip() -> None:
    text = shown(DIALOGUE, ShownFlip(RACHELS, votes({3}), reply="[4] Chandler, surprise: new.\nTriggers: 4\n"))
    assert [line.rstrip() for line in text.splitlines()[-2:]] == [
        "   │ [4] Chandler, surprise: new.",
        "   │ Triggers: 4",
    ]


def test_numbers_of_the_window_layout_are_explained() -> None:
    flip = ShownFlip(RACHELS, votes({3}), reply="1 yes\nTriggers: 1")
    assert "numbers count back from the target" in shown(DIALOGUE, flip, layout="window")
    assert "count back" not in shown(DIALOGUE, flip)


def test_a_dialogue_without_flips_says_so() -> None:
    assert shown(DIALOGUE).splitlines()[-1] == "No flips."


def test_the_reasons_shown_are_those_of_an_answer_the_vote_agrees_with() -> None:
    (case, *_) = predictions([{1}, {0}, {1}])
    odd, fitting = Answer(frozenset({2}), "because of 2"), Answer(frozenset({1}), "because of 1")
    ballot = vote([odd.value, fitting.value, fitting.value], 3)
    several = replace(case, vote=ballot, answers=(odd, fitting, fitting))
    assert ShownFlip.of(several).reply == "because of 1"


def test_a_bare_answer_line_is_not_repeated_as_a_reason() -> None:
    text = shown(DIALOGUE, ShownFlip(RACHELS, votes({3}), reply="Triggers: 4"))
    assert "Triggers:" not in text
    assert "triggered by [4]" in text
