"""All kinds of instruction by name, and mixtures of them."""

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
    flips_instructions,
    source_instructions,
    taught_chain_instructions,
    unified_instructions,
)
from fliptrace.models.base import ChatModel
from fliptrace.prompts.feedback import FeedbackLevel
from fliptrace.prompts.views import Layout, View

Kind = Literal["answer", "chain", "source", "flips", "emotion", "unified", "feedback", "self-evaluation"]
OWN_ANSWER_KINDS: frozenset[Kind] = frozenset({"feedback", "self-evaluation"})


@dataclass(frozen=True, slots=True)
class Curator:
    """Makes instructions of any kind. With a `teacher`, the rationales are its own, else built from observations.

    `layout` is for the kind "emotion", which is made of dialogues: views bring their own.
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
        """Instructions of one kind: of `own` answers where the kind corrects such, "emotion" of `dialogues`, else of
        `views`. ValueError where "emotion" is wanted and there is no `layout`.
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
                    raise ValueError("instructions of kind 'emotion' take the curator's layout, which is not set")
                return emotion_instructions(dialogues, self.layout)
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
        """The kinds that are weighed, each as often as its weight says, shuffled by `seed`."""
        return mix({kind: self.make(kind, views, own, dialogues) for kind in weights}, weights, seed)
