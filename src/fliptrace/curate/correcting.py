"""Stages 2 and 3: instructions made from a model's own answers, given to cases it did not train on."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from fliptrace.core.messages import Answer, Instruction
from fliptrace.curate.teaching import right_reply, taught_triggers
from fliptrace.prompts.answers import Ask
from fliptrace.prompts.feedback import Feedback, FeedbackLevel, give_feedback, render_feedback_prompt
from fliptrace.prompts.self_evaluation import render_judgement, render_judgement_prompt
from fliptrace.prompts.views import View


@dataclass(frozen=True, slots=True)
class OwnAnswer:
    """What a model replied to a case when asked for the answer alone or for reasons too."""

    view: View
    ask: Ask
    answer: Answer
    made_by: str

    @property
    def feedback(self) -> Feedback:
        """What the answer has of wrong utterances, and what it misses of those that the right reply names."""
        found = give_feedback(self.answer, self.view.case.known_triggers, self.view)
        return replace(found, missing=found.missing & taught_triggers(self.view, self.ask))

    @property
    def improved(self) -> frozenset[int]:
        """The answer itself where it is right, else what the right reply names."""
        if self.answer.value is not None and self.feedback.is_right:
            return self.answer.value
        return taught_triggers(self.view, self.ask)


def choose_own_answers(own: Iterable[OwnAnswer], max_right_share: float, seed: int) -> list[OwnAnswer]:
    """One of each distinct answer to a case, and right ones at most in the given share.

    Without wrong answers there is nothing to rectify; without right ones a model learns that it is always wrong.
    """
    distinct = {(o.view.case.id, o.ask, o.answer.value, o.answer.value is None and o.answer.text): o for o in own}
    right = [o for o in distinct.values() if o.feedback.is_right]
    wrong = [o for o in distinct.values() if not o.feedback.is_right]
    at_most = int(len(wrong) * max_right_share / (1 - max_right_share) + 1e-9)  # 2 * 0.6 / 0.4 is 2.9999999999999996
    num_right = min(len(right), at_most)
    kept = set(map(id, random.Random(seed).sample(right, num_right) + wrong))
    return [o for o in distinct.values() if id(o) in kept]


def feedback_instructions(
    own: Sequence[OwnAnswer], level: FeedbackLevel, num_wordings: int = 3, seed: int = 0
) -> list[Instruction]:
    """Question, own answer, feedback; to learn: the right reply."""
    return [
        Instruction(
            f"{o.view.case.id}/feedback/{number}",
            "feedback",
            render_feedback_prompt(o.view, o.ask, o.answer.text, o.feedback, level),
            right_reply(o.view, o.ask, num_wordings, seed),
            o.view.case.id,
            o.made_by,
        )
        for number, o in enumerate(own)
    ]


def self_evaluation_instructions(own: Sequence[OwnAnswer]) -> list[Instruction]:
    """Question, own answer, request to judge it; to learn: the verdict and the answer, kept or corrected."""
    return [
        Instruction(
            f"{o.view.case.id}/self-evaluation/{number}",
            "self-evaluation",
            render_judgement_prompt(o.view, o.ask, o.answer.text),
            render_judgement(o.feedback.is_right, o.improved, o.view),
            o.view.case.id,
            o.made_by,
        )
        for number, o in enumerate(own)
    ]
