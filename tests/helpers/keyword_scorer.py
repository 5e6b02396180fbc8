"""A model that weighs replies by plain arithmetic, for tests of what is made of its answers. It reads exclamations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from fliptrace.core.messages import Message
from fliptrace.models.base import Choice, Model
from fliptrace.models.checkpoints import InferenceDefaults
from fliptrace.models.open_model import OpenModel
from fliptrace.prompts.views import Layout

KEYWORDS = {"joy": "happy", "anger": "dare", "fear": "scared", "sadness": "sorry", "surprise": "?!", "disgust": "ugh"}


@dataclass
class KeywordScorer:
    """In the window layout: an emotion is a keyword in the target's line, else neutral; the utterance before the
    target triggers a flip with about two thirds, the target with a fifth. `asked` are the keys of all choices.
    """

    name: str = "keywords"
    asked: list[str] = field(default_factory=list)

    def score_replies(self, choices: Sequence[Choice]) -> list[tuple[float, ...]]:
        self.asked += [choice.key for choice in choices]
        return [self._score(choice) for choice in choices]

    def fits(self, messages: tuple[Message, ...], max_new_tokens: int) -> bool:
        return True

    def _score(self, choice: Choice) -> tuple[float, ...]:
        prompt = choice.messages[-1].content
        if choice.replies[0].startswith("Triggers"):
            weights = {"Triggers: 1": 0.65, "Triggers: 0": 0.2, "Triggers: none": 0.1, "Triggers: 0 1": 0.04}
        else:
            [line] = [line for line in prompt.splitlines() if line.startswith("0 ")]
            said = [label for label, word in KEYWORDS.items() if word in line.lower()] or ["neutral"]
            weights = {said[0]: 0.9}
        return tuple(math.log(weights.get(reply, 1e-4)) for reply in choice.replies)


def keyword_model() -> OpenModel:
    return OpenModel(Model("keywords", scorer=KeywordScorer()), "keywords", InferenceDefaults(Layout("window")))
