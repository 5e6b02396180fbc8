"""Stages 2 and 3: instructions made from a model's own answers to cases that it was not trained on."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from fliptrace.core.messages import Answer, Instruction
from fliptrace.curate.teaching import is_within_reach, right_reply, taught_triggers
from fliptrace.prompts.answers import Ask
from fliptrace.prompts.feedback import Feedback, FeedbackLevel, give_feedback, render_feedback_prompt
from fliptrace.prompts.self_evaluation import render_judgement, render_judgement_prompt
from fliptrace.prompts.views import View, training_view


@dataclass(frozen=True, slots=True)
class OwnAnswer:
    """A model's answer to a case. `ask` says whether the question also asked for a rationale."""

    view: View
    ask: Ask
    answer: Answer
    made_by: str

    @property
    def feedback(self) -> Feedback:
        """The wrong utterances in the answer, and those that it misses of the ones the right reply names."""
        found = give_feedback(self.answer, self.view.case.known_triggers, self.view)
        return replace(found, missing=found.missing & taught_triggers(self.view, self.ask))

    @property
    def lost_triggers(self) -> frozenset[int]:
        """The known triggers that the case's training view shows, and this prompt did not for want of context."""
        whole = training_view(self.view.case, self.view.layout)
        return whole.visible(self.view.case.known_triggers) - frozenset(self.view.shown)

    @property
    def improved(self) -> frozenset[int]:
        """The triggers of the answer itself if it is right, otherwise those of the right reply."""
        if self.answer.value is not None and self.feedback.is_right:
            return self.answer.value
        return taught_triggers(self.view, self.ask)


def choose_own_answers(own: Iterable[OwnAnswer], max_right_share: float, seed: int) -> list[OwnAnswer]:
    """Keep each distinct answer to a case once, and drop right ones at random down to the given share of the result.

    Answers are left out if the prompt did not show a known trigger that training would show, or if they reason about a
    case whose trigger lies beyond the reach of a rationale: they would be corrected to a wrong answer.

    Without wrong answers there is nothing to correct; without right ones a model learns that it is always wrong.
    """
    own = [o for o in own if not o.lost_triggers and (o.ask == "answer" or is_within_reach(o.view))]
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
    """One instruction per answer: question, own answer and feedback; the completion is the right reply."""
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
    """One instruction per answer: question, own answer and the request to judge it.

    The completion is the verdict and the answer, kept or corrected.
    """
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
