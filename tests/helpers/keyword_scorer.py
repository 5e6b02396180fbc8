"""A model that scores replies by keywords, with fixed probabilities, for tests of the code that uses its answers."""

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
    """Reads prompts in the window layout. `asked` records the keys of all choices.

    The emotion is that of a keyword in the target's line, else neutral. The utterance before the target is the trigger
    with a probability of about two thirds, the target with a fifth.
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
            shares = {"Triggers: 1": 0.65, "Triggers: 0": 0.2, "Triggers: none": 0.1, "Triggers: 0 1": 0.04}
        else:
            [line] = [line for line in prompt.splitlines() if line.startswith("0 ")]
            labels = [label for label, word in KEYWORDS.items() if word in line.lower()] or ["neutral"]
            shares = {labels[0]: 0.9}
        return tuple(math.log(shares.get(reply, 1e-4)) for reply in choice.replies)


def keyword_model() -> OpenModel:
    return OpenModel(Model("keywords", scorer=KeywordScorer()), "keywords", InferenceDefaults(Layout("window")))
