"""What a model says of a flip's target without one utterance is measured, each distinct dialogue once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import EmotionSet
from fliptrace.core.flips import Flip
from fliptrace.inference.config import InferenceConfig
from fliptrace.inference.emotions import EmotionLabels
from fliptrace.inference.evidence import Evidence, LeftOut, measure_evidence
from fliptrace.inference.seams import choose_labeler, emotion_reach
from fliptrace.models.base import Choice, Model
from fliptrace.prompts.views import Layout, LayoutName

FEELINGS = EmotionSet("two", ("neutral", "anger"))
TEXTS = ("Hello.", "You broke it.", "It was old.", "Hm.", "How could you!")
CHAT = Dialogue("chat", "chat", tuple(Utterance("AB"[i % 2], text) for i, text in enumerate(TEXTS)), FEELINGS)
FLIP = Flip("A", 2, 4, "neutral", "anger")


@dataclass
class Listener:
    """Finds the last utterance neutral, with 0.25 of anger for every text of `weights` that stands in the dialogue."""

    weights: Mapping[str, int] = field(default_factory=lambda: {"You broke it.": 2, "How could you!": 1})
    calls: list[list[Dialogue]] = field(default_factory=list)
    name: str = "listener"

    def label(self, dialogues: Sequence[Dialogue]) -> Iterator[EmotionLabels]:
        self.calls.append(list(dialogues))
        for dialogue in dialogues:
            anger = 0.25 * sum(self.weights.get(each.text, 0) for each in dialogue.utterances)
            rows = ((1.0, 0.0),) * (len(dialogue) - 1) + ((1 - anger, anger),)
            yield EmotionLabels(("neutral",) * len(dialogue), rows)

    @property
    def asked(self) -> list[tuple[str, ...]]:
        return [tuple(each.text for each in dialogue.utterances) for call in self.calls for dialogue in call]


def test_the_share_of_the_new_emotion_is_measured_with_and_without_each_utterance() -> None:
    evidence = measure_evidence(Listener(), CHAT, [LeftOut(FLIP, i) for i in range(4)], reach=10)
    assert evidence == [
        Evidence(0, 0.75, 0.75),
        Evidence(1, 0.75, 0.25),
        Evidence(2, 0.75, 0.75),
        Evidence(3, 0.75, 0.75),
    ]
    assert [(each.change, each.matters) for each in evidence[:2]] == [(0.0, False), (-0.5, True)]


def test_the_others_keep_their_order_and_speakers_but_no_labels_and_times() -> None:
    listener = Listener()
    told = [replace(each, start=1.0, end=2.0, cues=("sighs",)) for each in CHAT.utterances]
    labelled = replace(CHAT, utterances=tuple(told)).with_emotions(("neutral",) * 5)
    measure_evidence(listener, labelled, [LeftOut(FLIP, 1)], reach=10)
    [[whole, partial]] = listener.calls
    assert whole.utterances == tuple(replace(each, cues=("sighs",)) for each in CHAT.utterances)
    assert partial.utterances == (whole.utterances[0], *whole.utterances[2:])
    assert partial.speakers == ("A", "A", "B", "A")
    assert whole.id != partial.id


def test_only_what_is_in_reach_is_read_and_what_was_left_out_moves_up() -> None:
    listener = Listener()
    long = replace(CHAT, utterances=(*CHAT.utterances, Utterance("B", "Later.")))
    assert measure_evidence(listener, long, [LeftOut(FLIP, 3)], reach=2) == [Evidence(3, 0.75, 0.75)]
    assert listener.asked == [TEXTS[1:], (*TEXTS[1:3], TEXTS[4])]


def test_what_is_out_of_reach_changes_nothing_and_costs_nothing() -> None:
    listener = Listener()
    assert measure_evidence(listener, CHAT, [LeftOut(FLIP, 0), LeftOut(FLIP, 1)], reach=1) == [
        Evidence(0, 0.25, 0.25),
        Evidence(1, 0.25, 0.25),
    ]
    assert listener.asked == [TEXTS[2:]]


def test_all_is_asked_in_one_call_and_each_distinct_dialogue_once() -> None:
    listener, hm = Listener(), Utterance("B", "Hm.")
    chat = replace(CHAT, utterances=(*CHAT.utterances[:2], hm, hm, CHAT.utterances[4]))
    other = Flip("B", 1, 3, "neutral", "anger")
    asked = [LeftOut(FLIP, 2), LeftOut(FLIP, 3), LeftOut(other, 2), LeftOut(FLIP, 2)]
    assert [each.left_out for each in measure_evidence(listener, chat, asked, reach=10)] == [2, 3, 2, 2]
    assert len(listener.calls) == 1
    # Of the first flip nothing tells whether its first or its second "Hm." is left out.
    assert listener.asked == [
        ("Hello.", "You broke it.", "Hm.", "Hm.", "How could you!"),
        ("Hello.", "You broke it.", "Hm.", "Hm."),
        ("Hello.", "You broke it.", "Hm.", "How could you!"),
        ("Hello.", "You broke it.", "Hm."),
    ]
    assert len({dialogue.id for dialogue in listener.calls[0]}) == 4


@pytest.mark.parametrize(("without_it", "matters"), [(0.560001, False), (0.56, True), (0.66, True), (0.61, False)])
def test_a_change_matters_from_five_hundredths_on(without_it: float, matters: bool) -> None:
    assert Evidence(1, 0.61, without_it).matters == matters


@pytest.mark.parametrize("index", [4, 5, -1])
def test_a_target_cannot_be_left_out(index: int) -> None:
    with pytest.raises(ValueError, match=f"utterance {index} left out; expected one before 4"):
        measure_evidence(Listener(), CHAT, [LeftOut(FLIP, index)], reach=10)


@dataclass
class Prompted:
    """Scores all replies alike, and keeps the prompts."""

    prompts: list[str] = field(default_factory=list)
    name: str = "prompted"

    def score_replies(self, choices: Sequence[Choice]) -> list[tuple[float, ...]]:
        self.prompts += [choice.messages[-1].content for choice in choices]
        return [(-1.0,) * len(choice.replies) for choice in choices]

    def fits(self, messages: object, max_new_tokens: int) -> bool:
        return True


@pytest.mark.parametrize(("layout", "num_read"), [("dialogue", 32), ("shared", 32), ("window", 3)])
def test_a_prompt_of_any_layout_shows_all_that_is_left(layout: LayoutName, num_read: int) -> None:
    model = Prompted()
    config = InferenceConfig(Layout(layout, emotion_window=3))
    abilities = Model("prompted", scorer=model)
    long = replace(CHAT, utterances=tuple(Utterance("AB"[i % 2], f"Word{i}.") for i in range(60)))
    flip = replace(FLIP, source=48, target=50)
    reach = emotion_reach(abilities, config)
    measure_evidence(choose_labeler(abilities, config), long, [LeftOut(flip, 49)], reach)
    about_target = [prompt for prompt in model.prompts if "Word50." in prompt]
    assert [prompt.count("Word") for prompt in about_target] == [num_read, 31 if num_read == 32 else 3]
    assert ["Word49." in prompt for prompt in about_target] == [True, False]
    assert not any("..." in prompt for prompt in about_target)
