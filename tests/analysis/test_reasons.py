"""A built reason says only what the analysis holds: every claim in it is parsed and checked."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fliptrace.analysis.reasons import MAX_NAMED, MAX_RATIONALE, give_reason, rationale_of
from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import EMORYNLP7, MASAC8, EmotionSet
from fliptrace.core.flips import Flip, FlipCase, find_flips
from fliptrace.core.messages import Answer
from fliptrace.core.support import Support
from fliptrace.prompts.answers import parse_answer
from fliptrace.prompts.chains import WORDINGS, Chain, observe, render_chain
from fliptrace.prompts.views import Layout, View

NUMBERS = {"no": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9}
NAMES = ("Ana", "Ben", "Cleo")
WHO, EMOTION, SUPPORT = r"(?P<who>Ana|Ben|Cleo)", r"(?P<emotion>\w+)", r"\(support (?P<support>\d\.\d\d)\)"
WHEN = r"(?P<when>just before|\w+ utterances (?:earlier|before))"
SAID = r"(?P<said>(?:in|with) \w+(?: words)?|marked as \w+)"
# What a phrase or sentence of a built reason claims about one utterance.
CLAIMS = [
    rf"{WHO} turned from (?P<before>\w+) to {EMOTION} {WHEN}.*? {SUPPORT}",
    rf"{WHO}'s turn from (?P<before>\w+) to {EMOTION} {WHEN} {SUPPORT}",
    rf"{WHO} spoke {SAID} {WHEN}, and (?P<same>\w+) turned to the same emotion {SUPPORT}",
    rf"[Ww]hat {WHO} said {SAID} {WHEN} (?:turned \w+ to \w+ )?{SUPPORT}",
    rf"{WHO}'s own words {WHEN}(?:, {SAID},)? led on to \w+ {SUPPORT}",
    rf"{WHO}'s own words (?P<when>here) {SUPPORT}",
]


def dialogue_of(lines: list[tuple[str, str]], labels: EmotionSet = MASAC8) -> Dialogue:
    return Dialogue("d", "d", tuple(Utterance(who, "...", emotion) for who, emotion in lines), labels)


@st.composite
def decided_flips(draw: st.DrawFn) -> tuple[Dialogue, Flip, frozenset[int], tuple[float, ...]]:
    labels = draw(st.sampled_from([MASAC8, EMORYNLP7]))
    line = st.tuples(st.sampled_from(NAMES), st.sampled_from(labels.labels[:4]))
    dialogue = dialogue_of(draw(st.lists(line, min_size=4, max_size=14)), labels)
    flips = find_flips(dialogue) or (Flip("Ana", 0, 1, *labels.labels[:2]),)
    if not find_flips(dialogue):
        dialogue = dialogue_of(
            [("Ana", labels.labels[0]), ("Ana", labels.labels[1]), *[("Ben", "neutral")] * 2], labels
        )
    flip = draw(st.sampled_from(flips))
    support = [draw(st.integers(0, 100)) / 100 if i <= flip.target else 0.0 for i in range(len(dialogue))]
    triggers = frozenset(draw(st.sets(st.integers(0, flip.target), max_size=5)))
    return dialogue, flip, triggers, tuple(support)


def claims_in(text: str) -> list[dict[str, str | None]]:
    found = [match for pattern in CLAIMS for match in re.finditer(pattern, text)]
    return [match.groupdict() for match in sorted(found, key=lambda match: match.start())]


def index_of(when: str, flip: Flip) -> int:
    if when == "here":
        return flip.target
    if when == "just before":
        return flip.target - 1
    word = when.split()[0]
    return flip.target - (NUMBERS[word] if word in NUMBERS else 10 if word == "ten" else int(word))


@given(decided_flips())
def test_every_claim_of_a_built_reason_is_true(drawn: tuple[Dialogue, Flip, frozenset[int], tuple[float, ...]]) -> None:
    dialogue, flip, triggers, support = drawn
    flips = {each.target: each for each in find_flips(dialogue)}
    text, by = give_reason(dialogue, flip, triggers, Support.of(support), flips)
    claims = claims_in(text)
    named = {index_of(str(claim["when"]), flip) for claim in claims}
    for claim in claims:
        i = index_of(str(claim["when"]), flip)
        assert claim["who"] == dialogue.speakers[i]
        assert claim["support"] == f"{support[i]:.2f}"
        if claim.get("before"):
            assert (flips[i].before, flips[i].after) == (claim["before"], claim["emotion"])
        if claim.get("said"):
            assert re.search(rf"\b{dialogue.emotions[i]}\b", str(claim["said"]))
        if claim.get("same") or "followed" in text:
            assert dialogue.emotions[i] == flip.after
    assert (by, len(text.splitlines())) == ("template", 1)
    assert text.endswith(".") and flip.speaker in text
    # Only these claims have numbers, and there is a claim for each trigger, up to MAX_NAMED.
    assert len(re.findall(r"support", text)) == len(claims) == len(named)
    if triggers:
        assert named <= triggers and len(named) == min(len(triggers), MAX_NAMED)
        left = re.search(r"and (\w+) more\.", text)
        assert NUMBERS[left[1]] == len(triggers) - MAX_NAMED if left else len(triggers) <= MAX_NAMED
    else:
        assert text.startswith("Nothing stands out") and all(
            support[i] == max(support[: flip.target + 1]) for i in named
        )


LINES = [("Ana", "joy"), ("Ben", "neutral"), ("Cleo", "fear"), ("Ben", "anger"), ("Ana", "anger")]


@pytest.mark.parametrize(
    ("lines", "shares", "reason"),
    [
        (LINES, {3: 0.81}, "Ben turned from neutral to anger just before, and Ana followed (support 0.81)."),
        (LINES, {2: 0.6}, "What Cleo said in fear two utterances earlier turned Ana to anger (support 0.60)."),
        (LINES, {0: 0.5}, "Ana's own words four utterances earlier led on to anger (support 0.50)."),
        (LINES, {4: 0.7}, "The turn to anger lies in Ana's own words here (support 0.70)."),
        (
            LINES,
            {3: 0.9, 4: 0.5},
            "Two utterances together turned Ana to anger: Ana's own words here (support 0.50) and "
            "Ben's turn from neutral to anger just before (support 0.90).",
        ),
        (
            [*LINES[:-1], ("Ana", "fear")],
            {3: 0.8},
            "Ben turned from neutral to anger just before Ana turned to fear (support 0.80).",
        ),
        (
            [("Ana", "joy"), ("Ben", "anger"), ("Ana", "anger")],
            {1: 0.7},
            "Ben spoke in anger just before, and Ana turned to the same emotion (support 0.70).",
        ),
        (LINES, {}, "Nothing stands out as what turned Ana from joy to anger."),
    ],
)
def test_a_reason_reads_well(lines: list[tuple[str, str]], shares: dict[int, float], reason: str) -> None:
    dialogue = dialogue_of(lines)
    flips = {flip.target: flip for flip in find_flips(dialogue)}
    support = Support(len(lines), shares)
    assert give_reason(dialogue, flips[len(lines) - 1], frozenset(shares), support, flips).text == reason


def test_without_a_trigger_the_nearest_candidate_is_named() -> None:
    dialogue = dialogue_of(LINES)
    flips = {flip.target: flip for flip in find_flips(dialogue)}
    text = give_reason(dialogue, flips[4], frozenset(), Support.of((0, 0.1, 0.3, 0, 0)), flips).text
    assert text.endswith("; the closest candidate is what Cleo said in fear two utterances earlier (support 0.30).")


def test_a_name_that_is_no_name_stays_on_one_line() -> None:
    lines = [("A\nna\x1b[1m", "joy"), ("\x07", "anger"), ("A\nna\x1b[1m", "anger")]
    dialogue = dialogue_of(lines)
    (flip,) = find_flips(dialogue)
    text = give_reason(dialogue, flip, frozenset({1}), Support(3, {1: 1.0}), {2: flip}).text
    assert text == "? spoke in anger just before, and A na [1m turned to the same emotion (support 1.00)."


CASE = FlipCase("c", dialogue_of(LINES), find_flips(dialogue_of(LINES))[-1])


@pytest.mark.parametrize("name", ["window", "dialogue"])
def test_a_models_chain_is_shown_with_the_numbers_of_the_transcript(name: str) -> None:
    view = View(CASE, Layout("window" if name == "window" else "dialogue"))
    text = render_chain(Chain(observe(view), frozenset({3})), view, WORDINGS[view.layout.name][0])
    reason = rationale_of([parse_answer(text, view)], frozenset({3}), CASE, view.layout, start=10)
    assert reason == "[14] is said by somebody else with anger, a shift for them."


def test_a_chain_of_the_shared_layout_is_shown_with_the_words_it_quotes() -> None:
    view = View(CASE, Layout("shared"))
    text = render_chain(Chain(observe(view), frozenset({3})), view, WORDINGS["shared"][0])
    reason = rationale_of([parse_answer(text, view)], frozenset({3}), CASE, view.layout)
    spoken = CASE.dialogue.utterances
    assert reason == (
        f"[4] is said by somebody else with anger, a shift for them: “{spoken[3].text}”. "
        f"[5] is said by the same speaker with {spoken[4].emotion}, a shift for them: “{spoken[4].text}”."
    )
    invented = text.replace(spoken[3].text, "Words that nobody said")
    assert "nobody said" not in rationale_of([parse_answer(invented, view)], frozenset({3}), CASE, view.layout)


def test_what_a_chain_says_falsely_is_no_reason() -> None:
    view = View(CASE, Layout("window"))
    text = "1 A joy, new\n1 yes\nTriggers: 1"
    assert parse_answer(text, view).value == frozenset({3})
    assert rationale_of([parse_answer(text, view)], frozenset({3}), CASE, view.layout) == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Ben shouts in [4].\nThat hurts.\n**Triggers:** 4", "Ben shouts in [4]. That hurts."),
        ("Triggers: 4", ""),
        ("<think>Is it 2?\nTriggers: 2</think>\n\nBen shouts in [4].\nTriggers: 4", "Ben shouts in [4]."),
        ("Is it 2?\n</think>Ben shouts in [4].\nTriggers:\n- 4", "Ben shouts in [4]."),
        ("Ben shouts in [4].\n<answer>4</answer>", "Ben shouts in [4]."),
        ('```json\n{"reasons": "Ben shouts in [4].", "triggers": [4]}\n```', "Ben shouts in [4]."),
        ('{"triggers": [4]}', ""),
        (f"{'on and on ' * 100}\nTriggers: 4", None),
    ],
)
def test_a_rationale_in_other_words_is_kept_without_its_answer_line(text: str, reason: str | None) -> None:
    answer = Answer(frozenset({3}), text)
    rationale = rationale_of([answer], frozenset({3}), CASE, Layout())
    assert len(rationale) <= MAX_RATIONALE and "Triggers" not in rationale
    assert reason is None or rationale == reason


def test_reasons_for_other_triggers_are_passed_over() -> None:
    others = [Answer(frozenset({2}), "Cleo did it.\nTriggers: 3"), Answer(None, "who knows")]
    mine = Answer(frozenset({3}), "Ben did it.\nTriggers: 4")
    assert rationale_of([*others, mine], frozenset({3}), CASE, Layout()) == "Ben did it."
    assert rationale_of(others, frozenset({3}), CASE, Layout()) == ""
