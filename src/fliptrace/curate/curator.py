"""All kinds of instruction by name, and mixtures of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from fliptrace.curate.correcting import OwnAnswer, feedback_instructions, self_evaluation_instructions
from fliptrace.curate.mixture import mix
from fliptrace.curate.teaching import (
    answer_instructions,
    chain_instructions,
    flips_instructions,
    source_instructions,
    taught_chain_instructions,
)
from fliptrace.messages import Instruction
from fliptrace.models.base import ChatModel
from fliptrace.prompts.feedback import FeedbackLevel
from fliptrace.prompts.views import View

Kind = Literal["answer", "chain", "source", "flips", "feedback", "self-evaluation"]
OWN_ANSWER_KINDS: frozenset[Kind] = frozenset({"feedback", "self-evaluation"})


@dataclass(frozen=True, slots=True)
class Curator:
    """Makes instructions of any kind. With a `teacher`, the rationales are its own, else built from observations."""

    num_wordings: int = 3
    feedback_level: FeedbackLevel = "full"
    seed: int = 0
    teacher: ChatModel | None = None

    def make(self, kind: Kind, views: Sequence[View], own: Sequence[OwnAnswer] = ()) -> list[Instruction]:
        """Instructions of one kind: of `own` answers where the kind corrects such, else of `views`."""
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
            case "feedback":
                return feedback_instructions(own, self.feedback_level, self.num_wordings, self.seed)
            case "self-evaluation":
                return self_evaluation_instructions(own)

    def mixture(
        self, weights: Mapping[Kind, float], views: Sequence[View], own: Sequence[OwnAnswer], seed: int
    ) -> list[Instruction]:
        """The kinds that are weighed, each as often as its weight says, shuffled by `seed`."""
        return mix({kind: self.make(kind, views, own) for kind in weights}, weights, seed)
