from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import pytest
from run_inference import label_in_turns, predict_unified
from toy_cases import CAFE

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import MELD7
from fliptrace.core.errors import InputError
from fliptrace.core.flips import find_flips
from fliptrace.core.messages import Completion
from fliptrace.inference.config import InferenceConfig
from fliptrace.inference.flips import find_probable_flips
from fliptrace.inference.turns import TURN_UTTERANCES
from fliptrace.inference.unified import found_cases
from fliptrace.models.base import Choice, Decoding, Request
from fliptrace.models.rules import find_rule
from fliptrace.models.scripted import ScriptedModel
from fliptrace.prompts.views import Layout

DIALOGUE, WINDOW = Layout("dialogue"), Layout("window", window=3)
BARE = CAFE.dialogue.with_emotions((None,) * 6)


@dataclass
class Copier:
    """Labels every utterance with its own text, but leaves out the numbers in `hidden`; names no triggers."""

    name: str = "copier"
    asked: list[Request] = field(default_factory=list)
    hidden: tuple[str, ...] = ()

    def complete(self, requests: Sequence[Request], decoding: Decoding) -> list[tuple[Completion, ...]]:
        self.asked += requests
        return [(Completion(self._reply(request), 0, 0),) for request in requests]

    def fits(self, messages: object, max_new_tokens: int) -> bool:
        return True

    def _reply(self, request: Request) -> str:
        last = request.messages[-1].content
        if "triggered this flip" in last:
            return "Triggers: none"
        lines = [line.partition(": ") for line in last.split("\n\n")[0].split("\n") if line.startswith("[")]
        if request.key.endswith("/emotion"):
            return f"Emotion: {lines[-1][2]}"
        labels = [(head.split(" ")[0], text) for head, _, text in lines]
        return "\n".join(f"{number} {text}" for number, text in labels if number not in self.hidden)


class ScoringCopier(Copier):
    """The same model, which can score replies as well."""

    def score_replies(self, choices: Sequence[Choice]) -> list[tuple[float, ...]]:
        texts = [choice.messages[-1].content.split("\n")[-2].partition(": ")[2] for choice in choices]
        return [
            tuple(0.0 if text == reply else -9.0 for reply in c.replies) for c, text in zip(choices, texts, strict=True)
        ]


def feeling(*emotions: str, id: str = "d") -> Dialogue:
    """An unlabelled dialogue of Ana and Ben in which each text is the name of an emotion."""
    return Dialogue(id, id, tuple(Utterance(("Ana", "Ben")[i % 2], e) for i, e in enumerate(emotions)), MELD7)


def feelings(number: int) -> tuple[str, ...]:
    return tuple(MELD7.labels[i % 7] for i in range(number))


def test_flips_are_found_in_the_emotions_just_given_and_asked_about_under_them() -> None:
    model = ScriptedModel(
        {"cafe/0/emotions": ["[1] neutral\n[2] joy\n[3] joy\n[4] neutral\n[5] anger\n[6] joy"]},
        {"flips from neutral in [1] to joy": ["Triggers: 2"], "flips from joy in [3] to anger": ["Triggers: none"]},
    )
    [unified] = predict_unified(model, [CAFE.dialogue], InferenceConfig(DIALOGUE))
    assert unified.dialogue.emotions == ("neutral", "joy", "joy", "neutral", "anger", "joy")
    assert [(p.flip.speaker, p.flip.source, p.flip.target) for p in unified.predictions] == [
        ("Ben", 0, 2),
        ("Ben", 2, 4),
    ]
    assert [sorted(p.vote.triggers) for p in unified.predictions] == [[1], []]
    assert [p.gold for p in unified.predictions] == [None, None]


def test_labels_that_a_dialogue_carries_are_not_looked_at() -> None:
    asked = []
    for dialogue in (CAFE.dialogue, BARE):
        model = Copier()
        list(predict_unified(model, [dialogue], InferenceConfig(DIALOGUE)))
        asked.append([request.messages for request in model.asked])
    assert asked[0] == asked[1]


@pytest.mark.parametrize("model", [Copier(), ScoringCopier()])
def test_dialogues_come_back_in_order_each_with_its_own_flips(model: Copier) -> None:
    dialogues = [feeling(*feelings(2 + i % 9), id=str(i)) for i in range(120)]
    layout = WINDOW if isinstance(model, ScoringCopier) else DIALOGUE
    unified = list(predict_unified(model, dialogues, InferenceConfig(layout)))
    for dialogue, each in zip(dialogues, unified, strict=True):
        assert each.dialogue.id == dialogue.id
        assert each.dialogue.emotions == tuple(u.text for u in dialogue.utterances)
        assert tuple(p.flip for p in each.predictions) == find_flips(each.dialogue)


def test_a_dialogue_without_flips_asks_for_no_triggers() -> None:
    model = Copier()
    [unified] = predict_unified(model, [feeling("joy", "fear", "joy")], InferenceConfig(DIALOGUE))
    assert unified.predictions == ()
    assert [request.key for request in model.asked] == ["d/0/emotions"]


@pytest.mark.parametrize("length", [1, 2, 23, 24, 25, 36, 37, 60])
def test_turns_cover_a_dialogue_whatever_its_length(length: int) -> None:
    model = Copier()
    (labels,) = label_in_turns(model, [feeling(*feelings(length))], DIALOGUE)
    assert labels.emotions == feelings(length)
    assert (labels.scores, labels.num_unparsed) == (None, 0)
    assert len(model.asked) == max(1, -(-length // (TURN_UTTERANCES // 2)) - 1)


def test_an_utterance_takes_its_label_from_the_turn_that_shows_more_before_it() -> None:
    def lines(start: int, emotion: str) -> str:
        return "\n".join(f"[{start + i + 1}] {emotion}" for i in range(TURN_UTTERANCES))

    model = ScriptedModel({"d/0/emotions": [lines(0, "joy")], "d/12/emotions": [lines(12, "fear")]})
    (labels,) = label_in_turns(model, [feeling(*feelings(36))], DIALOGUE)
    assert labels.emotions == ("joy",) * 24 + ("fear",) * 12


def test_an_utterance_that_no_turn_labels_is_asked_for_alone() -> None:
    model = Copier(hidden=("[2]",))
    (labels,) = label_in_turns(model, [feeling("joy", "fear", "anger")], DIALOGUE)
    assert (labels.emotions, labels.num_unparsed) == (("joy", "fear", "anger"), 0)
    assert [request.key for request in model.asked] == ["d/0/emotions", "d/1/emotion"]


def test_an_utterance_that_cannot_be_parsed_alone_either_is_counted() -> None:
    model = ScriptedModel({"d/0/emotions": ["[1] joy"]}, default=["Hm."])
    (labels,) = label_in_turns(model, [feeling("a", "b", "c")], DIALOGUE)
    assert (labels.emotions, labels.num_unparsed) == (("joy", "neutral", "neutral"), 2)


def test_where_a_turn_does_not_fit_utterances_are_asked_for_one_by_one() -> None:
    dialogue = feeling(*feelings(24))
    model = ScriptedModel(default=["Emotion: joy"], num_context_tokens=250)
    assert label_in_turns(model, [dialogue], DIALOGUE, max_new_tokens=8)[0].emotions == ("joy",) * 24


def test_a_found_flip_is_an_unlabelled_case_of_its_dialogue() -> None:
    cases = found_cases(CAFE.dialogue, find_probable_flips(CAFE.dialogue, (None,) * 6, None))
    assert [(case.id, case.flip.target, case.triggers) for case in cases] == [("cafe/2", 2, None), ("cafe/5", 5, None)]


def test_nothing_is_predicted_before_it_is_asked_for() -> None:
    model = Copier()
    unified: Iterator[object] = predict_unified(
        model, [feeling("joy", "fear", id=str(i)) for i in range(3)], InferenceConfig(DIALOGUE)
    )
    assert model.asked == []
    next(unified)
    assert model.asked != []


def test_a_rule_reads_no_text() -> None:
    with pytest.raises(InputError, match="rule:previous: labels no emotions"):
        list(predict_unified(find_rule("previous"), [replace(BARE, id="x")], InferenceConfig(WINDOW)))
