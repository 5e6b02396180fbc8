from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_cases import CAFE, flip_cases, layouts

from fliptrace.core.flips import FlipCase
from fliptrace.curate.curator import Curator
from fliptrace.curate.teaching import (
    answer_instructions,
    chain_instructions,
    emotion_instructions,
    flips_instructions,
    right_reply,
    source_instructions,
    taught_chain_instructions,
    unified_instructions,
)
from fliptrace.models.scripted import ScriptedModel
from fliptrace.prompts.answers import parse_answer, render_question
from fliptrace.prompts.chains import WORDINGS, false_observations, parse_chain
from fliptrace.prompts.emotions import emotion_view, render_emotion_question
from fliptrace.prompts.flow import parse_source
from fliptrace.prompts.views import Layout, View, training_view

DIALOGUE = View(CAFE, Layout("dialogue"))


@given(flip_cases(), layouts)
def test_the_reply_taught_is_the_labels_that_the_view_shows(drawn: FlipCase, layout: Layout) -> None:
    view = training_view(drawn, layout)
    answer = parse_answer(right_reply(view, "answer", 1, 0), view)
    assert answer.value == drawn.known_triggers & set(view.shown)


@given(flip_cases(), layouts, st.integers(1, 5), st.integers())
def test_the_rationale_taught_holds_and_ends_on_the_labels_within_its_reach(
    drawn: FlipCase, layout: Layout, num_wordings: int, seed: int
) -> None:
    view = training_view(drawn, layout)
    parsed = parse_chain(right_reply(view, "chain", num_wordings, seed), view)
    assert parsed.chain is not None
    assert parsed.chain.triggers == drawn.known_triggers & set(view.candidates)
    assert list(false_observations(parsed.observations, view)) == []


@given(flip_cases(), layouts)
def test_a_rationale_and_the_plain_answer_to_a_case_never_contradict_each_other(
    drawn: FlipCase, layout: Layout
) -> None:
    view = training_view(drawn, layout)
    plain = parse_answer(right_reply(view, "answer", 1, 0), view)
    for taught in chain_instructions([view]):
        assert parse_answer(taught.completion, view).value == plain.value


def test_a_trigger_beyond_the_reach_of_a_rationale_gets_no_rationale() -> None:
    views = [View(CAFE, Layout("dialogue", reach=reach)) for reach in (3, 4)]  # triggers [3] and [5] of six
    assert [len(chain_instructions([view])) for view in views] == [0, 1]
    assert len(answer_instructions(views)) == 2


def test_triggers_before_known_from_are_not_taught() -> None:
    case = replace(CAFE, triggers=frozenset({0, 4}), known_from=1)
    [instruction] = answer_instructions([training_view(case, Layout("dialogue"))])
    assert instruction.completion == "Triggers: 5"
    assert "Tables are free" not in instruction.prompt[-1].content


def test_an_instruction_says_where_it_comes_from() -> None:
    [instruction] = answer_instructions([DIALOGUE])
    assert (instruction.id, instruction.kind, instruction.case_id) == ("cafe/answer", "answer", "cafe")
    assert (instruction.made_by, instruction.completion) == ("labels", "Triggers: 3 5")
    assert instruction.prompt == render_question(DIALOGUE, "answer")


def test_wordings_vary_from_case_to_case_and_with_the_seed() -> None:
    views = [replace(DIALOGUE, case=replace(CAFE, id=f"cafe-{i}")) for i in range(20)]
    taught = [[i.completion for i in chain_instructions(views, 3, seed)] for seed in (0, 1)]
    assert len(set(taught[0])) == 3
    assert taught[0] != taught[1]


def test_a_wording_hangs_on_case_and_seed_alone() -> None:
    views = [replace(DIALOGUE, case=replace(CAFE, id=f"cafe-{i}")) for i in range(20)]
    forwards, backwards = chain_instructions(views, 3, 7), chain_instructions(views[::-1], 3, 7)
    assert forwards == backwards[::-1]


def test_of_one_wording_there_is_one() -> None:
    views = [replace(DIALOGUE, case=replace(CAFE, id=f"cafe-{i}")) for i in range(5)]
    assert len({i.completion for i in chain_instructions(views, num_wordings=1)}) == 1


@pytest.mark.parametrize(
    ("reply", "is_kept"),
    [
        ("He shouts, so [3] and [5] did it.\nTriggers: 3 5", True),
        ("\n He shouts.\nTriggers: 5, 3 \n", True),
        ("He shouts.\nTriggers: 3", False),
        ("He shouts.\nTriggers: none", False),
        ("He shouts, so [3] and [5] did it.", False),
        ("He shouts.\nTriggers: 3 5 99", False),  # right apart from an anomaly, so nothing to learn from
    ],
)
def test_a_teachers_rationale_is_kept_only_where_it_parses_to_the_labels(reply: str, is_kept: bool) -> None:
    instructions = taught_chain_instructions([DIALOGUE], ScriptedModel(default=[reply], name="teacher"))
    assert [i.completion for i in instructions] == ([reply.strip()] if is_kept else [])


def test_a_pupil_does_not_learn_a_teachers_thoughts() -> None:
    teacher = ScriptedModel(default=["<think>Triggers: 1</think>\nHe shouts.\nTriggers: 3 5"], name="teacher")
    [instruction] = taught_chain_instructions([DIALOGUE], teacher)
    assert instruction.completion == "He shouts.\nTriggers: 3 5"


def test_a_teacher_is_shown_the_answer_and_its_pupil_is_not() -> None:
    teacher = ScriptedModel(by_text={"`Triggers: 3 5`": ["So.\nTriggers: 3 5"]}, name="teacher")
    [instruction] = taught_chain_instructions([DIALOGUE], teacher)
    assert instruction.prompt == render_question(DIALOGUE, "chain")
    assert instruction.made_by == "teacher"
    assert "Triggers: 3 5" not in "".join(message.content for message in instruction.prompt)


@given(flip_cases(), layouts)
def test_the_source_is_asked_for_where_it_is_shown(drawn: FlipCase, layout: Layout) -> None:
    view = training_view(drawn, layout)
    instructions = source_instructions([view])
    assert len(instructions) == (drawn.flip.source in view.shown)
    assert all(parse_source(i.completion, view) == drawn.flip.source for i in instructions)


def test_every_kind_has_its_own_id() -> None:
    made = [
        *answer_instructions([DIALOGUE]),
        *chain_instructions([DIALOGUE]),
        *source_instructions([DIALOGUE]),
        *flips_instructions([DIALOGUE]),
    ]
    assert [i.id for i in made] == ["cafe/answer", "cafe/chain", "cafe/source", "cafe/flips"]
    assert [i.completion for i in made[2:]] == ["Source: 2", "Flips: 2>6"]


def test_there_are_enough_wordings_to_vary() -> None:
    assert all(len(wordings) >= 2 for wordings in WORDINGS.values())


def test_an_emotion_is_asked_for_once_a_labelled_utterance_and_from_bare_text() -> None:
    dialogue = CAFE.dialogue.with_emotions(("neutral", None, "anger", "neutral", "anger", "fear"))
    made = emotion_instructions([dialogue], Layout("window"))
    assert [i.id for i in made] == [f"cafe/{index}/emotion" for index in (0, 2, 3, 4, 5)]
    assert [i.completion for i in made] == ["neutral", "anger", "neutral", "anger", "fear"]
    assert {(i.kind, i.case_id, i.made_by) for i in made} == {("emotion", "cafe", "labels")}
    assert made[1].prompt == render_emotion_question(emotion_view(dialogue, 2, Layout("window")))
    assert next(i.completion for i in emotion_instructions([dialogue], Layout("dialogue"))) == "Emotion: neutral"


def test_the_unified_task_is_two_rows_a_case_and_the_second_stands_on_the_first() -> None:
    labels, triggers = unified_instructions([DIALOGUE])
    assert (labels.id, triggers.id) == ("cafe/unified/emotions", "cafe/unified/triggers")
    assert labels.completion.split("\n")[-1] == "[6] fear"
    assert triggers.prompt[:2] == labels.prompt
    assert triggers.prompt[2].content == labels.completion
    assert triggers.completion == "Triggers: 3 5"


def test_a_flip_whose_source_is_out_of_sight_is_not_made_by_the_labels_shown() -> None:
    assert [i.id for i in unified_instructions([View(CAFE, Layout("window", window=4))])] == ["cafe/unified/emotions"]


def test_where_an_utterance_shown_is_unlabelled_there_is_nothing_to_copy() -> None:
    unlabelled = CAFE.dialogue.with_emotions((None, *CAFE.dialogue.emotions[1:]))
    view = replace(DIALOGUE, case=replace(CAFE, dialogue=unlabelled))
    assert unified_instructions([view]) == []
    assert len(unified_instructions([replace(view, first=1)])) == 2


def test_the_curator_makes_emotions_of_dialogues_and_asks_for_their_layout() -> None:
    curator = Curator(layout=Layout("window"))
    assert len(curator.make("emotion", [DIALOGUE], dialogues=[CAFE.dialogue])) == 6
    mixed = curator.mixture({"emotion": 1.0, "unified": 0.5}, [DIALOGUE], [], 0, [CAFE.dialogue])
    assert sorted(i.kind for i in mixed) == ["emotion"] * 6 + ["unified"]
    with pytest.raises(ValueError, match="'emotion': the curator has no layout"):
        Curator().make("emotion", [], dialogues=[CAFE.dialogue])
