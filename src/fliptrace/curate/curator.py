"""Makes instructions of any kind by name, and mixtures of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.messages import Instruction
from fliptrace.curate.correcting import OwnAnswer, feedback_instructions, self_evaluation_instructions
from fliptrace.curate.mixture import mix
from fliptrace.curate.teaching import (
    answer_instructions,
    chain_instructions,
    emotion_instructions,
    emotions_instructions,
    flips_instructions,
    source_instructions,
    taught_chain_instructions,
    unified_instructions,
)
from fliptrace.models.base import ChatModel
from fliptrace.prompts.feedback import FeedbackLevel
from fliptrace.prompts.views import Layout, View

Kind = Literal["answer", "chain", "source", "flips", "emotion", "emotions", "unified", "feedback", "self-evaluation"]
EMOTION_KINDS: tuple[Kind, ...] = ("emotion", "emotions")  # made from dialogues: one utterance, or many in one reply
OWN_ANSWER_KINDS: frozenset[Kind] = frozenset({"feedback", "self-evaluation"})


@dataclass(frozen=True, slots=True)
class Curator:
    """Makes instructions of any kind.

    The `teacher` writes the rationales, if there is one; otherwise they are built from observations. `layout` is needed
    only for the kind "emotion", which is made from dialogues; views have a layout of their own.
    """

    num_wordings: int = 3
    feedback_level: FeedbackLevel = "full"
    seed: int = 0
    teacher: ChatModel | None = None
    layout: Layout | None = None

    def make(
        self,
        kind: Kind,
        views: Sequence[View],
        own: Sequence[OwnAnswer] = (),
        dialogues: Sequence[Dialogue] = (),
    ) -> list[Instruction]:
        """Make the instructions of one kind.

        "feedback" and "self-evaluation" are made from `own` answers, "emotion" and "emotions" from `dialogues`, all
        others from `views`. ValueError if the kind is "emotion" and there is no `layout`.
        """
        match kind:
            case "answer":
                return answer_instructions(views)
            case "chain" if self.teacher is not None:
                return taught_chain_instructions(views, self.teacher)
            case "chain":
                return chain_instructions(views, self.num_wordings, self.seed)
            case "source":
                return source_instructions(views)
            case "flips":
                return flips_instructions(views)
            case "emotion":
                if self.layout is None:
                    raise ValueError("instructions of kind 'emotion': the curator has no layout; expected one")
                return emotion_instructions(dialogues, self.layout)
            case "emotions":
                return emotions_instructions(dialogues)
            case "unified":
                return unified_instructions(views)
            case "feedback":
                return feedback_instructions(own, self.feedback_level, self.num_wordings, self.seed)
            case "self-evaluation":
                return self_evaluation_instructions(own)

    def mixture(
        self,
        weights: Mapping[Kind, float],
        views: Sequence[View],
        own: Sequence[OwnAnswer],
        seed: int,
        dialogues: Sequence[Dialogue] = (),
    ) -> list[Instruction]:
        """A shuffled mixture of the kinds in `weights`, each as often as its weight says (see `mix`).

        In the shared layout whole dialogues are drawn.
        """
        parts = {kind: self.make(kind, views, own, dialogues) for kind in weights}
        return mix(parts, weights, seed, by_dialogue=bool(views) and views[0].layout.name == "shared")
