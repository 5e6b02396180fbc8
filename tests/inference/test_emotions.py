from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from run_inference import label_emotions
from toy_cases import CAFE

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import EMORYNLP7, MELD7, EmotionSet
from fliptrace.core.errors import InputError
from fliptrace.core.messages import Message
from fliptrace.inference.emotions import fallback_emotion
from fliptrace.models.base import Choice
from fliptrace.models.rules import find_rule
from fliptrace.models.scripted import ScriptedModel
from fliptrace.prompts.views import Layout

WINDOW = Layout("window", window=2)


@dataclass
class CountingScorer:
    """Makes a reply e times as likely for every time its text occurs in the prompt's last utterance."""

    name: str = "counting scorer"
    seen: list[Choice] = field(default_factory=list)
    num_lines: int = 100

    def score_replies(self, choices: Sequence[Choice]) -> list[tuple[float, ...]]:
        self.seen += choices
        return [tuple(self._count(choice, reply) - 700.0 for reply in choice.replies) for choice in choices]

    def fits(self, messages: tuple[Message, ...], max_new_tokens: int) -> bool:
        return messages[-1].content.count("\n") <= self.num_lines

    def _count(self, choice: Choice, reply: str) -> int:
        return choice.messages[-1].content.split("\n")[-2].count(reply)


def spoken(*texts: str, emotion_set: EmotionSet = MELD7, id: str = "d") -> Dialogue:
    return Dialogue(id, id, tuple(Utterance("AB"[i % 2], text) for i, text in enumerate(texts)), emotion_set)


def test_a_scored_label_has_a_probability_that_is_renormalised_over_the_set() -> None:
    [labels] = label_emotions(CountingScorer(), [spoken("joy joy", "fear", "joy fear fear")], WINDOW)
    assert labels.emotions == ("joy", "fear", "fear")
    assert labels.scores is not None and labels.num_unparsed == 0
    assert all(len(row) == 7 and sum(row) == pytest.approx(1) for row in labels.scores)
    total = math.e**2 + 6
    assert labels.scores[0] == pytest.approx([math.e**2 / total if e == "joy" else 1 / total for e in MELD7.labels])


def test_every_set_is_asked_for_its_own_labels() -> None:
    model = CountingScorer()
    both = [spoken("joyful"), spoken("joyful", emotion_set=EMORYNLP7, id="e")]
    assert [labels.emotions for labels in label_emotions(model, both, WINDOW)] == [("joy",), ("joyful",)]
    assert [choice.replies for choice in model.seen] == [MELD7.labels, EMORYNLP7.labels]


def test_equal_questions_are_asked_once() -> None:
    model = CountingScorer()
    first, second = label_emotions(model, [spoken("joy", "fear", "joy", "fear"), spoken("joy", id="e")], WINDOW)
    assert first.emotions == ("joy", "fear", "joy", "fear") and second.emotions == ("joy",)
    assert [choice.key for choice in model.seen] == ["d/0/emotion", "d/1/emotion", "d/2/emotion"]


def test_labels_of_the_transcript_are_not_looked_at() -> None:
    labelled = CAFE.dialogue
    bare = labelled.with_emotions((None,) * len(labelled))
    asked = []
    for dialogue in (labelled, bare):
        model = CountingScorer()
        list(label_emotions(model, [dialogue], WINDOW))
        asked.append(model.seen)
    assert asked[0] == asked[1]


@pytest.mark.parametrize("layout", [WINDOW, Layout("dialogue")])
def test_a_chat_model_is_asked_about_one_utterance_at_a_time(layout: Layout) -> None:
    model = ScriptedModel({"d/1/emotion": ["**Emotion:** fear"]}, default=["joy"])
    [labels] = label_emotions(model, [spoken("a", "b", "c")], layout)
    assert (labels.emotions, labels.scores, labels.num_unparsed) == (("joy", "fear", "joy"), None, 0)


def test_a_reply_that_cannot_be_parsed_becomes_neutral_and_is_counted() -> None:
    model = ScriptedModel({"d/1/emotion": ["Who knows?"]}, default=["joy"])
    [labels] = label_emotions(model, [spoken("a", "b")], WINDOW)
    assert (labels.emotions, labels.num_unparsed) == (("joy", "neutral"), 1)


def test_a_set_without_neutral_falls_back_on_its_first_label() -> None:
    assert fallback_emotion(EmotionSet("moods", ("glum", "merry"))) == "glum"


def test_the_oldest_utterances_are_left_out_where_they_do_not_fit() -> None:
    model = CountingScorer(num_lines=3)
    list(label_emotions(model, [spoken("a", "b", "c", "d", "e")], replace(WINDOW, window=5)))
    assert [choice.messages[-1].content.count("\n") for choice in model.seen] == [1, 2, 3, 3, 3]
    with pytest.raises(InputError, match="dialogue d: utterance 0 alone overruns the model's context"):
        list(label_emotions(CountingScorer(num_lines=0), [spoken("a")], WINDOW))


@dataclass
class NarrowScorer(CountingScorer):
    """A scorer with a context of 1,500 characters."""

    def fits(self, messages: tuple[Message, ...], max_new_tokens: int) -> bool:
        return sum(len(message.content) for message in messages) <= 1_500

    def _count(self, choice: Choice, reply: str) -> int:
        assert self.fits(choice.messages, 0)
        return choice.messages[-1].content.count(f"{reply.removeprefix('Emotion: ')}!")


@pytest.mark.parametrize("layout", [Layout("dialogue"), Layout("shared"), replace(WINDOW, max_words=2_000)])
def test_an_utterance_that_does_not_fit_alone_is_cut_in_the_prompt_and_counted(layout: Layout) -> None:
    model = NarrowScorer()
    [labels] = label_emotions(model, [spoken("hm", "fear! " + "so " * 900 + "joy!", "joy! " * 3)], layout)
    assert labels.emotions[1:] == ("fear", "joy")
    assert labels.num_shortened == 1
    [asked] = [choice.messages[-1].content for choice in model.seen if choice.key == "d/1/emotion"]
    assert "so so" in asked and " …" in asked and "joy!" not in asked


def test_dialogues_come_back_in_order_however_many_there_are() -> None:
    many = [spoken(*(["joy"] * 9), f"fear {i}", id=str(i)) for i in range(250)]
    labels = list(label_emotions(CountingScorer(), many, WINDOW))
    assert [len(each.emotions) for each in labels] == [10] * 250
    assert all(each.emotions[-1] == "fear" for each in labels)


def test_a_rule_labels_no_emotions() -> None:
    with pytest.raises(InputError, match="rule:previous: labels no emotions; expected a model that reads text"):
        list(label_emotions(find_rule("previous"), [CAFE.dialogue], WINDOW))
