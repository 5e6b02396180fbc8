from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_cases import case, views, views_with_triggers

from fliptrace.core.messages import AnomalyKind
from fliptrace.prompts.answers import parse_answer, render_answer, render_question
from fliptrace.prompts.views import Layout, View

# Ana flips in utterance 6 (numbered from 1); utterances 7 and 8 come after the target.
CASE = case(
    ("Ben", "neutral"),
    ("Ana", "neutral"),
    ("Ben", "anger"),
    ("Carla", "neutral"),
    ("Ben", "anger"),
    ("Ana", "fear"),
    ("Ben", "joy"),
    ("Ana", "fear"),
    target=5,
)
DIALOGUE = View(CASE, Layout("dialogue"))
WINDOW = View(CASE, Layout("window"))


@given(views_with_triggers())
def test_an_answer_is_read_as_it_was_written(drawn: tuple[View, frozenset[int]]) -> None:
    view, triggers = drawn
    answer = parse_answer(render_answer(triggers, view), view)
    assert (answer.value, answer.anomalies) == (triggers, ())


@given(views(), st.text(max_size=60) | st.from_regex(r"Triggers: [\d, ne-]{0,12}", fullmatch=True))
def test_whatever_is_read_names_utterances_up_to_the_target_or_is_an_anomaly(view: View, text: str) -> None:
    answer = parse_answer(text, view)
    assert answer.value is None or answer.value <= set(range(view.target + 1))
    assert answer.value is not None or answer.anomalies
    assert answer.text == text


@given(views_with_triggers())
def test_candidates_stand_in_ascending_order(drawn: tuple[View, frozenset[int]]) -> None:
    view, triggers = drawn
    labels = [int(word) for word in render_answer(triggers, view).split()[1:] if word != "none"]
    assert labels == sorted(labels)


@pytest.mark.parametrize(
    ("reply", "numbers"),
    [
        ("Triggers: 3 5", {3, 5}),
        ("Triggers: 3, 5", {3, 5}),
        ("Triggers: 5,3", {3, 5}),
        ("Triggers: 1, 3, and 5", {1, 3, 5}),
        ("Triggers: 3 & 5", {3, 5}),
        ("Triggers: 3; 5.", {3, 5}),
        ("Triggers: [2], [3] and [5].", {2, 3, 5}),
        ("Triggers: #3 (5)", {3, 5}),
        ("Triggers: 03", {3}),
        ("Triggers: ३", {3}),  # a Hindi answer may use Devanagari digits
        ("Triggers:\u00a03\u00a0", {3}),
        ("triggers: 3", {3}),
        ("TRIGGER=3", {3}),
        ("  - `Triggers: 3`", {3}),
        ("**Triggers:** 3", {3}),
        ("**Triggers**: 3", {3}),
        ("> ### Triggers: 3", {3}),
        ("Because he shouts.\n\nTriggers: 3\n", {3}),
        ("Triggers: 3\nTriggers: 5", {5}),  # the last answer line counts
        ("Triggers: 3\r\n", {3}),
        ("Triggers: 3\nI hope this helps!", {3}),
        ("Triggers: none", set()),
        ("triggers: None.", set()),
        ("Triggers: (none)", set()),
        ("Triggers: 3\nTriggers: none", set()),
    ],
)
def test_one_answer_is_written_in_many_ways(reply: str, numbers: set[int]) -> None:
    answer = parse_answer(reply, DIALOGUE)
    assert (answer.value, answer.anomalies) == ({number - 1 for number in numbers}, ())


@pytest.mark.parametrize(
    ("reply", "numbers", "anomalies"),
    [
        ("Triggers: 3 99", {3}, ["unknown utterance"]),
        ("Triggers: 0 3", {3}, ["unknown utterance"]),
        ("Triggers: 3 7 8", {3}, ["after the target"] * 2),
        ("Triggers: 3 3 3", {3}, ["named twice"] * 2),
        ("Triggers: 3 99 7 3", {3}, ["unknown utterance", "after the target", "named twice"]),
        ("Triggers: 99 99", None, ["unknown utterance", "named twice"]),
        ("Triggers: 7", None, ["after the target"]),  # naming a wrong utterance is not the same as "none"
        ("Triggers: 999999", None, ["unknown utterance"]),
        ("Triggers: 3 none", None, ["none with others"]),
        ("Triggers: none none", None, ["none with others"]),
        ("Triggers: 3\nTriggers: perhaps 5", None, ["unreadable"]),  # the parser does not fall back to the line before
    ]
    + [
        (reply, None, ["unreadable"])
        for reply in (
            "",
            " \n",
            "3",
            "none",
            "The triggers are 3 and 5.",
            "TRIGGERS - 3",
            "Triggers 3",
            "Triggers:",
            "Triggers: []",
            "Triggers: -3",
            "Triggers: 2-5",
            "Triggers: 3.5",
            "Triggers: 3/5",
            "Triggers: 3 or 5",
            "Triggers: three",
            "Triggers: ²",
            "Triggers: 3 (Ben)",
            "Triggers: utterance 3",
            "Triggers: none of them",
            "Triggers: 1234567",
            "Triggers: " + "9" * 5000,
            "Triggers: 3 " + "." * 20_000 + "x",  # and parsed quickly: no catastrophic backtracking
            "My triggers: 3",
            "Triggers\n: 3",
        )
    ],
)
def test_what_is_wrong_with_an_answer_is_said_and_never_guessed_away(
    reply: str, numbers: set[int] | None, anomalies: list[AnomalyKind]
) -> None:
    answer = parse_answer(reply, DIALOGUE)
    assert answer.value == (None if numbers is None else {number - 1 for number in numbers})
    assert list(answer.anomalies) == anomalies


@pytest.mark.parametrize(
    ("reply", "triggers", "anomalies"),
    [
        ("Triggers: 0", {5}, []),
        ("Triggers: 0 5", {5, 0}, []),
        ("Triggers: 1 6", {4}, ["unknown utterance"]),
        ("Triggers: none", set(), []),
    ],
)
def test_in_a_window_numbers_are_distances(reply: str, triggers: set[int], anomalies: list[AnomalyKind]) -> None:
    answer = parse_answer(reply, WINDOW)
    assert (answer.value, list(answer.anomalies)) == (triggers, anomalies)


@given(views(), st.sampled_from(("answer", "chain")))
def test_a_question_ends_on_a_user_message(view: View, ask: str) -> None:
    roles = [message.role for message in render_question(view, ask)]  # type: ignore[arg-type]
    assert roles == (["user"] if view.layout.name == "window" else ["system", "user"])


@given(views())
def test_both_questions_share_all_but_their_last_line(view: View) -> None:
    answer, chain = (render_question(view, ask)[-1].content.split("\n") for ask in ("answer", "chain"))  # type: ignore[arg-type]
    assert answer[:-1] == chain[:-1]
    assert answer[-1] != chain[-1]
