from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_cases import CAFE

from fliptrace.curate.correcting import (
    OwnAnswer,
    choose_own_answers,
    feedback_instructions,
    self_evaluation_instructions,
)
from fliptrace.prompts.answers import Ask, parse_answer
from fliptrace.prompts.feedback import FeedbackLevel
from fliptrace.prompts.views import Layout, View

VIEW = View(CAFE, Layout("dialogue", reach=3))  # triggers [3] and [5]; rationale candidates [4], [5], [6]
RIGHT, WRONG, UNREADABLE = "Triggers: 3 5", "Triggers: 2", "I do not know"


def own(reply: str, case_id: str = "cafe", ask: Ask = "answer", view: View = VIEW) -> OwnAnswer:
    view = replace(view, case=replace(view.case, id=case_id))
    return OwnAnswer(view, ask, parse_answer(reply, view), "stage-1")


def replies(chosen: Sequence[OwnAnswer]) -> list[str]:
    return [each.answer.text for each in chosen]


@pytest.mark.parametrize(
    ("said", "chosen"),
    [
        ([WRONG, WRONG], [WRONG]),
        ([WRONG, "Triggers: 2."], ["Triggers: 2."]),  # the same answer in other words
        ([WRONG, "Triggers: 1"], [WRONG, "Triggers: 1"]),
        ([UNREADABLE, UNREADABLE], [UNREADABLE]),
        ([UNREADABLE, "Perhaps"], [UNREADABLE, "Perhaps"]),  # they may or may not mean the same
        ([UNREADABLE, "Triggers: none"], [UNREADABLE, "Triggers: none"]),
    ],
)
def test_of_each_distinct_answer_to_a_case_one_is_chosen(said: list[str], chosen: list[str]) -> None:
    assert replies(choose_own_answers([own(reply) for reply in said], 0.5, 0)) == chosen


def test_the_same_answer_to_other_cases_or_questions_is_another_one() -> None:
    far = View(CAFE, Layout("dialogue"))
    answers = [own(WRONG), own(WRONG, "bar"), own(WRONG, ask="chain", view=far)]
    assert choose_own_answers(answers, 0.5, 0) == answers


def test_answers_that_training_would_correct_to_a_wrong_one_are_left_out() -> None:
    beyond_reach = own(WRONG, ask="chain")
    cut = own("Triggers: 4", view=replace(VIEW, first=3))  # [3], a trigger, did not fit the prompt
    assert choose_own_answers([own(WRONG), beyond_reach, cut], 0.5, 0) == [own(WRONG)]


@given(st.integers(0, 12), st.integers(0, 12), st.sampled_from((0.0, 0.2, 0.25, 0.3, 0.5, 0.6, 0.9)), st.integers())
def test_right_answers_are_chosen_up_to_their_share_and_wrong_ones_all(
    num_right: int, num_wrong: int, share: float, seed: int
) -> None:
    answers = [own(RIGHT, f"r{i}") for i in range(num_right)] + [own(WRONG, f"w{i}") for i in range(num_wrong)]
    chosen = choose_own_answers(answers, share, seed)
    num_chosen = sum(each.feedback.is_right for each in chosen)
    assert len(chosen) - num_chosen == num_wrong
    assert num_chosen <= share * len(chosen) + 1e-9
    assert num_chosen == num_right or num_chosen + 1 > share * (len(chosen) + 1) - 1e-9


def test_the_same_seed_chooses_the_same_answers_in_the_order_they_came() -> None:
    answers = [own(RIGHT, f"r{i}") for i in range(20)] + [own(WRONG, f"w{i}") for i in range(5)]
    chosen = [choose_own_answers(answers, 0.5, seed) for seed in (0, 0, 1)]
    assert chosen[0] == chosen[1] != chosen[2]
    assert chosen[0] == [each for each in answers if each in chosen[0]]


def test_feedback_teaches_the_right_reply_after_the_own_one() -> None:
    [instruction] = feedback_instructions([own(WRONG)], "full")
    assert [message.role for message in instruction.prompt] == ["system", "user", "assistant", "user"]
    assert instruction.prompt[-2].content == WRONG
    assert instruction.prompt[-1].content.startswith(
        "Your answer is not right: [2] did not trigger it; [3], [5] is missing."
    )
    assert (instruction.completion, instruction.made_by) == (RIGHT, "stage-1")


@pytest.mark.parametrize("level", ["verdict", "kind of error"])
@pytest.mark.parametrize("reply", [RIGHT, WRONG, UNREADABLE, "Triggers: 99"])
def test_feedback_below_full_gives_no_number_away(level: FeedbackLevel, reply: str) -> None:
    [instruction] = feedback_instructions([own(reply)], level)
    assert not re.search(r"\d", instruction.prompt[-1].content)


def test_a_corrected_rationale_is_one_again_and_answers_to_its_feedback() -> None:
    """[3] is out of reach for a rationale, so it is not counted as missing: the right rationale omits it too."""
    [instruction] = feedback_instructions([own("Triggers: 6", ask="chain")], "full", num_wordings=1)
    assert "[6] did not trigger it; [5] is missing." in instruction.prompt[-1].content
    assert instruction.completion.endswith("[6] did not trigger it.\nTriggers: 5")


@pytest.mark.parametrize(
    ("reply", "ask", "judgement"),
    [
        (RIGHT, "answer", "Verdict: right\nTriggers: 3 5"),
        (WRONG, "answer", "Verdict: wrong\nTriggers: 3 5"),
        (UNREADABLE, "answer", "Verdict: wrong\nTriggers: 3 5"),
        ("Triggers: 5", "answer", "Verdict: wrong\nTriggers: 3 5"),
        ("Triggers: 5", "chain", "Verdict: right\nTriggers: 5"),
        ("Triggers: 3 5", "chain", "Verdict: right\nTriggers: 3 5"),  # more than was taught, but right: kept
        ("Triggers: 3 6", "chain", "Verdict: wrong\nTriggers: 5"),
    ],
)
def test_a_judgement_keeps_what_is_right_and_corrects_what_is_not(reply: str, ask: Ask, judgement: str) -> None:
    [instruction] = self_evaluation_instructions([own(reply, ask=ask)])
    assert instruction.completion == judgement
    assert instruction.prompt[-2].content == reply


def test_what_a_view_does_not_show_is_neither_missed_nor_taught() -> None:
    view = View(CAFE, Layout("window", window=2))
    [instruction] = self_evaluation_instructions([own("Triggers: 1", view=view)])
    assert instruction.completion == "Verdict: right\nTriggers: 1"


def test_every_instruction_has_an_id_of_its_own() -> None:
    answers = [own(WRONG), own(UNREADABLE), own(WRONG, "bar")]
    made = feedback_instructions(answers, "full") + self_evaluation_instructions(answers)
    assert len({instruction.id for instruction in made}) == 6
