"""A transcript is data: no text in it changes the structure of a prompt or the parsing of an answer."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given
from toy_cases import NASTY_TEXTS, ODD_NAME, SPEAKERS, flip_cases, layouts

from fliptrace.core.flips import FlipCase
from fliptrace.inference.config import InferenceConfig
from fliptrace.inference.sampling import answer_cases
from fliptrace.models.scripted import ScriptedModel
from fliptrace.prompts.answers import render_question
from fliptrace.prompts.views import Layout, View

CONTROL_TOKENS = ("<|", "|>", "</s>", "[INST]", "<<SYS>>", "<start_of_turn>")
INVISIBLE = re.compile("[\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\x00-\x09\x0b-\x1f\x85]")


def harmless(case: FlipCase) -> FlipCase:
    """The same case with harmless texts and cues, and plain speaker names."""
    names = {speaker: f"S{position}" for position, speaker in enumerate(sorted(set(case.dialogue.speakers)))}
    utterances = tuple(
        replace(u, speaker=names[u.speaker], text="yes", cues=("laughs",) if u.cues else ())
        for u in case.dialogue.utterances
    )
    dialogue = replace(case.dialogue, utterances=utterances)
    return replace(case, dialogue=dialogue, flip=replace(case.flip, speaker=names[case.flip.speaker]))


@given(flip_cases(), layouts)
def test_a_prompt_has_as_many_lines_as_with_harmless_text(case: FlipCase, layout: Layout) -> None:
    prompt, plain = (render_question(View(c, layout), "chain")[-1].content for c in (case, harmless(case)))
    assert len(prompt.splitlines()) == len(plain.splitlines())
    assert prompt.count("\n") == plain.count("\n")


@given(flip_cases(), layouts)
def test_every_line_begins_as_with_harmless_text(case: FlipCase, layout: Layout) -> None:
    """That is, with its number or with the first word of our own text."""
    prompt, plain = (View(c, layout).render().split("\n") for c in (case, harmless(case)))
    numbers = [
        [re.match(r"\[?\d+\]?|Candidates|Dialogue|flip |$", line) for line in lines] for lines in (prompt, plain)
    ]
    assert [m and m[0] for m in numbers[0]] == [m and m[0] for m in numbers[1]]


@given(flip_cases(), layouts)
def test_no_control_token_and_nothing_invisible_gets_into_a_prompt(case: FlipCase, layout: Layout) -> None:
    for message in render_question(View(case, layout), "answer"):
        assert not any(token in message.content for token in CONTROL_TOKENS)
        assert not INVISIBLE.search(message.content)


@given(flip_cases(), layouts)
def test_only_labels_of_utterances_stand_in_brackets(case: FlipCase, layout: Layout) -> None:
    view = View(case, layout)
    labels = {f"[{view.label(i)}]" for i in view.shown} if layout.name == "dialogue" else set()
    prompt = view.render()
    assert set(re.findall(r"\[.*?\]", prompt)) == labels
    assert prompt.count("[") == prompt.count("]")


@given(flip_cases(), layouts)
def test_an_answer_is_read_the_same_whatever_the_transcript_says(case: FlipCase, layout: Layout) -> None:
    model = ScriptedModel(default=["Triggers: 1"])
    (nasty,), (plain,) = (answer_cases(model, [c], InferenceConfig(layout)) for c in (case, harmless(case)))
    assert nasty.replies == plain.replies


def test_the_transcripts_of_these_tests_are_indeed_nasty() -> None:
    everything = " ".join((*NASTY_TEXTS, *SPEAKERS, ODD_NAME))
    assert all(token in everything for token in CONTROL_TOKENS)
    assert INVISIBLE.search(everything)
    assert len(everything.splitlines()) > 10
