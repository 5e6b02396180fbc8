"""Probabilities of frequent emotions weighed down: shares, powers, and how weights travel with a model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from run_inference import label_emotions
from tiny_runs import make_recipe

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import EmotionSet
from fliptrace.core.files import write_json
from fliptrace.core.messages import Message
from fliptrace.inference.config import resolve_config
from fliptrace.models.base import Choice, Decoding
from fliptrace.models.checkpoints import DEFAULTS_FILE, InferenceDefaults
from fliptrace.prompts.views import Layout
from fliptrace.training.emotion_weights import choose_emotion_weights, label_shares, weigh

TWO = EmotionSet("two", ("fear", "neutral"))
WINDOW = Layout("window", emotion_window=1)
SHARES = {"fear": 0.1, "neutral": 0.9}


class TooSure:
    """It knows fear when it sees it, and still holds neutral for likelier."""

    name = "too sure"

    def score_replies(self, choices: Sequence[Choice]) -> list[tuple[float, ...]]:
        fearful = [(math.log(0.4), math.log(0.6)), (math.log(0.05), math.log(0.95))]
        return [fearful["dark" not in choice.messages[-1].content] for choice in choices]

    def fits(self, messages: tuple[Message, ...], max_new_tokens: int) -> bool:
        return True


DIALOGUE = Dialogue(
    "d",
    "d",
    (Utterance("Ana", "It is dark in here", "fear"), Utterance("Ben", "Here is a lamp", "neutral")),
    TWO,
)


def test_weights_change_the_label_and_keep_the_sum() -> None:
    [plain] = label_emotions(TooSure(), [DIALOGUE], WINDOW)
    [weighed] = label_emotions(TooSure(), [DIALOGUE], WINDOW, weights={"fear": 3.0})
    assert (plain.emotions, weighed.emotions) == (("neutral", "neutral"), ("fear", "neutral"))
    assert weighed.scores is not None
    assert weighed.scores[0] == pytest.approx((2 / 3, 1 / 3))


def test_the_power_that_labels_best_is_chosen_and_of_equals_the_smallest() -> None:
    labels = list(label_emotions(TooSure(), [DIALOGUE], WINDOW))
    chosen = choose_emotion_weights([([DIALOGUE], labels)], SHARES)
    assert chosen.power == 0.2
    assert chosen.weights == weigh(SHARES, 0.2)
    assert chosen.weighted_f1["0.0"] < chosen.weighted_f1["0.2"] == 1.0


def test_shares_are_those_of_the_last_stage_that_teaches_emotions() -> None:
    stages = [
        {"name": "one", "mixture": {"emotion": 1}, "epochs": 1},
        {"name": "two", "mixture": {"emotion": 1}, "epochs": 1, "emotions": {"b": 1}},
        {"name": "three", "mixture": {"answer": 1}, "epochs": 1},
    ]
    recipe = make_recipe(data={"emotions": {"a": 1, "b": 1}}, stages=stages)
    other = Dialogue("e", "e", (Utterance("Ana", "Hm", "neutral"),), TWO)
    assert label_shares(recipe, {"a": [other], "b": [DIALOGUE]}) == {"fear": 0.5, "neutral": 0.5}
    assert label_shares(make_recipe(), {}) == {}


def test_weights_travel_with_the_habits_into_the_reading(tmp_path: Path) -> None:
    defaults = InferenceDefaults(WINDOW, "answer", {"exact": 0.3}, {"fear": 2.0})
    defaults.write(tmp_path)
    read = InferenceDefaults.read(tmp_path)
    assert read == defaults
    assert resolve_config(read, Decoding("exact")).emotion_weights == {"fear": 2.0}


def test_habits_written_before_there_were_weights_are_read(tmp_path: Path) -> None:
    write_json(tmp_path / DEFAULTS_FILE, {"layout": {"name": "window"}, "ask": "answer", "thresholds": {"exact": 0.4}})
    assert InferenceDefaults.read(tmp_path) == InferenceDefaults(Layout("window"), "answer", {"exact": 0.4})
