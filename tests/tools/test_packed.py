"""The factor that a packed model ships with is fitted with its emotion weights, whatever is stored in its folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import MASAC8
from fliptrace.core.messages import Message
from fliptrace.corpora.leaks import LeakReport
from fliptrace.models.base import Choice, Model
from fliptrace.models.checkpoints import InferenceDefaults
from fliptrace.models.open_model import OpenModel
from fliptrace.prompts.views import Layout
from fliptrace.training.measured_sets import DialogueSet
from tools.mini.packed import PackedModel


class Undecided:
    """Every reply is as likely as any other."""

    name = "undecided"

    def score_replies(self, choices: Sequence[Choice]) -> list[tuple[float, ...]]:
        return [(0.0,) * len(choice.replies) for choice in choices]

    def fits(self, messages: tuple[Message, ...], max_new_tokens: int) -> bool:
        return True


def half_kept(id: str) -> DialogueSet:
    """One speaker with four pairs of utterances, of which two keep the emotion."""
    emotions = ("joy", "joy", "anger", "anger", "joy")
    dialogue = Dialogue(id, id, tuple(Utterance("Ana", "Well.", emotion) for emotion in emotions), MASAC8)
    return DialogueSet(id, (dialogue,), LeakReport(0, 0, 0, 0, 1))


@pytest.mark.parametrize(
    ("weights", "same"),
    [
        ({}, 1 / 8),
        ({"joy": 3.0}, 0.3**2 + 7 * 0.1**2),
    ],
)
def test_the_factor_is_fitted_with_the_emotion_weights(weights: dict[str, float], same: float, tmp_path: Path) -> None:
    stored = InferenceDefaults(Layout("window"), same_label_odds=9.0)
    opened = OpenModel(Model("undecided", scorer=Undecided()), "undecided", stored)
    packed = PackedModel("undecided", opened, tmp_path, lambda *_: None, weights)
    odds = packed.fit_same_label_odds([half_kept("a"), half_kept("b")])
    assert odds == pytest.approx((1 - same) / same, abs=1e-3)  # 1 to 1, as labelled
    assert packed.config().same_label_odds == 1.0  # kept predictions stay valid once the factor is stored
