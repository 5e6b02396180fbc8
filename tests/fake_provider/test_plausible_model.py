from __future__ import annotations

from collections import Counter

import pytest

from fliptrace.core.messages import Message
from fliptrace.corpora.sample import load_sample
from fliptrace.fake_provider.answers import PlausibleModel
from fliptrace.models.base import Decoding, Model, Request
from fliptrace.prompts.answers import Ask, parse_answer, render_question
from fliptrace.prompts.emotions import EmotionView, parse_emotion, render_emotion_question
from fliptrace.prompts.flow import parse_flips, parse_source, render_flips_question, render_source_question
from fliptrace.prompts.self_evaluation import parse_judgement, render_judgement_prompt
from fliptrace.prompts.unified import bare_view, parse_labels, render_labels_question
from fliptrace.prompts.views import Layout, LayoutName, View

CASES = load_sample("test")[:12]
MODEL = PlausibleModel()


def reply(messages: tuple[Message, ...], number: int = 0) -> str:
    return MODEL.complete([Request("any", messages, number=number)], Decoding("sample"))[0][0].text


@pytest.fixture(params=["dialogue", "window"])
def views(request: pytest.FixtureRequest) -> list[View]:
    layout: LayoutName = request.param
    assert len(CASES) == 12
    return [View(case, Layout(layout)) for case in CASES]


def test_it_is_a_chat_model() -> None:
    assert MODEL.as_model() == Model(MODEL.name, chat=MODEL)


@pytest.mark.parametrize("ask", ["answer", "chain"])
def test_it_answers_every_question_for_triggers(views: list[View], ask: Ask) -> None:
    for view in views:
        for number in range(20):
            answer = parse_answer(reply(render_question(view, ask), number), view)
            assert answer.value is not None and not answer.anomalies


def test_it_names_the_utterance_before_the_target_most_of_the_time(views: list[View]) -> None:
    distances = Counter[int]()
    for view in views:
        for number in range(20):
            named = parse_answer(reply(render_question(view, "answer"), number), view).value or ()
            distances.update(view.target - index for index in named)
    assert distances.most_common(1)[0][0] == 1
    assert len(distances) >= 3


def test_reasons_stand_before_the_answer_line() -> None:
    view = View(CASES[0], Layout())
    assert len(reply(render_question(view, "chain")).splitlines()) == 2
    assert len(reply(render_question(view, "answer")).splitlines()) == 1


def test_it_tells_one_emotion(views: list[View]) -> None:
    for view in views:
        asked = render_emotion_question(EmotionView(view.case.dialogue, view.target, view.layout))
        assert parse_emotion(reply(asked), view.case.dialogue.emotion_set) is not None


def test_it_tells_all_emotions(views: list[View]) -> None:
    for view in views:
        bare = bare_view(view)
        assert parse_labels(reply(render_labels_question(bare)), bare).keys() == set(bare.shown)


def test_it_holds_itself_right(views: list[View]) -> None:
    for view in views:
        own = reply(render_question(view, "chain"))
        judgement = parse_judgement(reply(render_judgement_prompt(view, "chain", own)), view)
        assert judgement.is_right
        assert judgement.answer.value == parse_answer(own, view).value


def test_it_finds_sources_and_flips(views: list[View]) -> None:
    for view in views:
        flip = view.case.flip
        assert parse_source(reply(render_source_question(view)), view) == flip.source
        assert parse_flips(reply(render_flips_question(view)), view) == frozenset([(flip.source, flip.target)])


def test_two_replies_to_any_other_prompt_differ() -> None:
    replies = {reply((Message("user", "Say anything."),), number) for number in range(20)}
    assert len(replies) == 20


def test_how_often_it_gives_a_reply_is_how_probable_it_says_it_is() -> None:
    messages = render_question(View(CASES[0], Layout()), "answer")
    shares = MODEL.shares(messages)
    counts = Counter(reply(messages, number) for number in range(2000))
    assert sum(shares.values()) == pytest.approx(1)
    assert counts.keys() == shares.keys()
    for text, share in shares.items():
        assert counts[text] / 2000 == pytest.approx(share, abs=0.05)
