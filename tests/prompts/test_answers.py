from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_cases import case, views, views_with_triggers

from fliptrace.core.messages import AnomalyKind, Completion
from fliptrace.prompts.answers import parse_answer, parse_completion, render_answer, render_question
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
        ("Triggers: utterance 3", {3}),
        ("Triggers: Utterances 3 and 5", {3, 5}),
        ("Triggers: utterances [3], [5]", {3, 5}),
        ("Triggers: utterance 3, utterance 5 and utterance 2.", {2, 3, 5}),
        ("So: <answer>Triggers: 3</answer>", {3}),
        ("Triggers: 3\nBecause Ben shouts.", {3}),
        ("Triggers: 3\n- 3: Ben shouts", {3}),
        ("Triggers: 3\n\nReasons:\n- 5: no trigger", {3}),
        ("Triggers: 3 (Ben)", {3}),
        ("Triggers: [3] (Ben, anger), 6 (fear) and 2 (ana)", {2, 3, 6}),
        ("Triggers: **3** and **5**", {3, 5}),
        ("Triggers: [3, 5]", {3, 5}),
        ("Triggers: (3 and 5)", {3, 5}),
        ("Triggers: {3, 5}", {3, 5}),
        ("Trigger utterances: 3", {3}),
        ("Trigger utterance(s): 3", {3}),
        ("Triggering utterances: 3", {3}),
        ("Trigger numbers: 3 5", {3, 5}),
        ("**Final answer:** Triggers: 3", {3}),
        ("Triggers:\n- 3", {3}),
        ("**Triggers:**\n\n* utterance 3 (Ben)\n* utterance 5\n", {3, 5}),
        ("Triggers:\n- 3\n- 5\n\nBen shouts in both.", {3, 5}),
        ("Triggers:\n3 5", {3, 5}),
        ("Triggers:\n3\n5", {3, 5}),
        ("Triggers:\n- none", set()),
        ("Triggers：３，５", {3, 5}),
        ("Ｔｒｉｇｇｅｒｓ： ３、５。", {3, 5}),
        ("<answer>3</answer>", {3}),
        ("Ben shouts.\n<answer>3, 5</answer>", {3, 5}),
        ("<answer>\nTriggers: 3\n</answer>", {3}),
        ("<answer>Triggers: none</answer>", set()),
        ("<answer>Triggers: 3", {3}),  # the end tag was a stop string
        ("<answer>5</answer> no: <answer>3</answer>", {3}),
        ('{"triggers": [3]}', {3}),
        ('{"reasons": "Ben shouts.", "triggers": [5, 3]}', {3, 5}),
        ('```json\n{\n  "Triggers": ["3", "utterance 5"]\n}\n```', {3, 5}),
        ('{"triggers": 3}', {3}),
        ('{"triggers": "3, 5"}', {3, 5}),
        ('{"triggers": []}', set()),
        ('{"triggers": "none"}', set()),
        ('<answer>{"triggers": [3]}</answer>', {3}),
        ("Triggers: 5 3\n<answer>3 5</answer>", {3, 5}),
        ("<think>\nTriggers: 1\n</think>\n\nTriggers: 3", {3}),
        ("<think>Triggers: 1</think>Triggers: 3", {3}),
        ("Maybe 1?\nTriggers: 1\n</think>Triggers: 3", {3}),
        ("<think></think>\nTriggers: 3", {3}),
        ("<thinking>1?</thinking><think>2?</think> Triggers: 3", {3}),
        ("[THINK]Triggers: 1[/THINK]Triggers: 3", {3}),
        ("<|channel|>analysis<|message|>Triggers: 1<|end|><|channel|>final<|message|>Triggers: 3", {3}),
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
            "Triggers: none of them",
            "Triggers: 3 (Ana)",  # Ben says it
            "Triggers: 3 (perhaps)",
            "Triggers: 99 (Ben)",
            "Triggers: 2 utterances",
            "Triggers: 2 utterances 3 5",
            "Triggers: 1) 3 2) 5",
            "Triggers: not 3",
            "Triggers: all",
            "Triggers: 3,",
            "Triggers: 1,234",
            "Triggers: 3,005",
            "Triggers:\n1. 3\n2. 5",
            "Triggers:\n1.\n2.",
            "Triggers:\n1. ",
            "Triggers: no. 3",
            "Triggers: [3)",
            "Triggers: none\n- 2) perhaps",
            "Triggers:\n5\n- 3 -",
            "Triggers:\n- 5\n1. Ana",
            "Triggers:\n- 5\nor 3",
            "Triggers: 3\nor 5",
            "Triggers: 3\n(or 5)",
            "Triggers: 3\n• or 5",
            "Triggers: 3\n• Wait, 5.",
            "Triggers: 3\n- not 5",
            "Triggers: 3\n- 5: perhaps",
            "Triggers: none\n[3] may be one",
            "Triggers: 3 <answer> or 5",
            "Triggers: 3</answer> or 5",
            "Triggers:\n- 3\n- perhaps 5",
            "Triggers:\n- 3\n5",
            "Triggers:\nBecause of 3.",
            "Triggers: 3\n- 5",
            "Triggers: none\n5",
            "Triggers: 3\n<answer>5</answer>",
            "Triggers: 3\n<answer>about 3</answer>",
            'Triggers: 5\n{"triggers": [3]}',
            "<answer>3",
            "<answer></answer>",
            '{"triggers": [3], "triggers": [5]}',
            '{"triggers": [3, null]}',
            '{"triggers": [3.0]}',
            '{"triggers": [true]}',
            '{"triggers": null}',
            '{"triggers": {"3": "Ben"}}',
            '{"triggers": "3 or 5"}',
            '{"triggers": [3',
            '{"triggers": ' + "[" * 5000 + "]" * 5000 + "}",
            "<think>\nTriggers: 3",
            "<think>1?</think>\n<think>\nTriggers: 3",
            "Triggers: 3\n<think>or is it 5?",
            "<think>Triggers: 3</think>",
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


# What a careful reader would not take for numbers of utterances, or for one answer only.
HEDGES = ("or", "not", "perhaps", "to", "-", "–", "~", "/", "?", "2)", "3.5", "utterances", "(Carla, maybe)", "²")
UNDERSTOOD = ("and", "3", "[5]", "5,", "(3)", "1 (Ben)", "none")
# Everything that makes an answer `{line}` ambiguous, whatever its line says.
AMBIGUOUS = (
    "<think>{line}",
    "so far: <think>\n\n{line}\n",
    "<think>1</think>{line}\n<think>wait",
    "{line}\n<answer>2</answer>",
    "<answer>2</answer>\n{line}",
    '{line}\n{{"triggers": [2]}}',
    "{line}\n- 2",
    "{line}\n2",
    "{line}\nor 2",
    "{line}\n(or 2)",
    "{line}\n– or 2",
    "{line}\n- perhaps 2",
    "{line}\n- 2 (who knows)",
    "{line}</answer> or 2",
    "{line} or 2",
    "{line} to 2",
    "{line} (unlikely)",
    "{line}\n<answer>2",
    '{line}\n{{"triggers": [2]}} {{"sure": true}}',
    '{{"flip": {{"triggers": [2]}}}}\n{line}',
    "{line}\n{{'triggers': [2]}}",
    "<answer>1,234</answer>\n{line}",
)
# What a reply says after its answer to revise it, in a line of its own.
REVISIONS = (
    "Actually, it is 2.",
    "Wait, Ben speaks in 2.",
    "Hmm, 2 is possible.",
    "**Correction:** 2",
    "(On second thought, none.)",
    "However, 2 may be one.",
    "No, it is 2.",
    "- Sorry: none",
    "P.S. 2 as well",
    "Alternatively 2.",
)


@given(st.lists(st.sampled_from(HEDGES + UNDERSTOOD), min_size=1, max_size=5), st.data())
def test_no_answer_with_a_word_that_is_not_understood_is_read(words: list[str], data: st.DataObject) -> None:
    words.insert(data.draw(st.integers(1, len(words))), data.draw(st.sampled_from(HEDGES)))
    row = " ".join(words)
    for reply in (f"Triggers: {row}", f"<answer>{row}</answer>", f'{{"triggers": "{row}"}}', f"Triggers:\n- {row}"):
        assert parse_answer(reply, DIALOGUE).value is None


@given(st.frozensets(st.integers(3, 6), max_size=3), st.sampled_from(AMBIGUOUS))
def test_no_reply_that_can_mean_two_things_is_read(numbers: frozenset[int], form: str) -> None:
    line = f"Triggers: {' '.join(map(str, sorted(numbers))) or 'none'}"
    assert parse_answer(line, DIALOGUE).value == {number - 1 for number in numbers}
    assert parse_answer(form.format(line=line), DIALOGUE).value is None


@given(
    st.frozensets(st.integers(3, 6), max_size=3),
    st.sampled_from(("Triggers: {}", "Triggers:\n- {}", "<answer>{}</answer>", '{{"triggers": "{}"}}')),
    st.lists(st.sampled_from(("", "Ben shouts.", "That is all I can say.", "Ben: he shouts")), max_size=3),
    st.sampled_from(REVISIONS),
)
def test_no_answer_that_the_reply_revises_is_read(
    numbers: frozenset[int], form: str, between: list[str], revision: str
) -> None:
    answer = "\n".join([form.format(", ".join(map(str, sorted(numbers))) or "none"), "", *between])
    assert parse_answer(answer, DIALOGUE).value == {number - 1 for number in numbers}
    assert parse_answer(f"{answer}\n{revision}\nThat is all.", DIALOGUE).value is None


@given(views_with_triggers(), st.text('<>/think[]|answer{}:"\n triggers,0123456789-', max_size=80))
def test_a_reply_whose_thoughts_do_not_end_is_never_read(drawn: tuple[View, frozenset[int]], thought: str) -> None:
    view, triggers = drawn
    if "</think" not in thought and "[/think]" not in thought:
        assert parse_answer(f"<think>{thought}\n{render_answer(triggers, view)}", view).value is None


@pytest.mark.parametrize(
    ("reply", "is_read"),
    [
        ("Triggers: 3", False),  # it may go on: 3 5
        ("<think>1</think>Triggers: 3", False),
        ("Triggers:\n- 3", False),
        ("Triggers:\n3\n", False),
        ("<think>\nTriggers: 3\nor", False),
        ('{"triggers": [3', False),
        ("Triggers: 3\n", True),
        ("Triggers: 3\n\nBen sho", True),
        ("Triggers:\n- 3\n\nBen sho", True),
    ],
)
def test_of_a_reply_that_was_cut_off_only_a_whole_answer_is_read(reply: str, is_read: bool) -> None:
    cut, whole = (parse_completion(Completion(reply, 1, 1, reason), DIALOGUE) for reason in ("length", "stop"))
    assert (cut.value == {2}, cut.text) == (is_read, reply)
    assert whole.value == {2} or "<think>\n" in reply or "[3" in reply


@given(views(), st.sampled_from(("answer", "chain")))
def test_a_question_ends_on_a_user_message(view: View, ask: str) -> None:
    roles = [message.role for message in render_question(view, ask)]  # type: ignore[arg-type]
    assert roles == (["user"] if view.layout.name == "window" else ["system", "user"])


@given(views())
def test_both_questions_share_all_but_their_last_line(view: View) -> None:
    answer, chain = (render_question(view, ask)[-1].content.split("\n") for ask in ("answer", "chain"))  # type: ignore[arg-type]
    assert answer[:-1] == chain[:-1]
    assert answer[-1] != chain[-1]
