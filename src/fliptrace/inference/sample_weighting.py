"""Self-consistency over replies whose probabilities are told: each distinct answer weighs what the model gives it.

For models that cannot be asked how probable an answer is (exact_voting.py), but tell it of those they give. A vote
counts how often an answer was drawn; here that no longer matters, and what was never drawn is reported as `remaining`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from fliptrace.core.messages import Answer, Completion
from fliptrace.core.voting import Vote, vote
from fliptrace.inference.exact_voting import AnswerLogprobs
from fliptrace.prompts.answers import parse_answer
from fliptrace.prompts.views import View


class ScoredSamples(NamedTuple):
    """The replies to a case as read, and the weights of the distinct answers among them; None where none was read."""

    weights: AnswerLogprobs | None
    answers: tuple[Answer, ...]

    @property
    def remaining(self) -> float:
        """The probability, 0 to 1, of all that was not drawn or could not be read."""
        return 1.0 if self.weights is None else self.weights.remaining

    def vote(self, num_utterances: int, threshold: float) -> Vote:
        """Name the utterances whose probability, given one of the answers read, reaches `threshold`."""
        read = [answer.value for answer in self.answers]
        if self.weights is None:
            return vote(read, num_utterances, threshold)
        named = self.weights.vote(num_utterances, threshold, len(read))
        return replace(named, num_valid=sum(value is not None for value in read))


def score_samples(completions: Sequence[Completion], view: View) -> ScoredSamples:
    """Add up the probabilities of distinct replies by the set that they name.

    One without a `log_probability`, and one that was cut, which is but a beginning, weigh nothing.
    """
    by_set: dict[frozenset[int], float] = {}
    answers = tuple(parse_answer(completion.text, view) for completion in completions)
    distinct: dict[str, float] = {}
    for completion in completions:
        if completion.finish_reason == "stop" and completion.log_probability is not None:
            # One text may come in several tokenizations: the likeliest stands for it.
            distinct[completion.text] = max(completion.log_probability, distinct.get(completion.text, -math.inf))
    for text, weight in distinct.items():
        value = parse_answer(text, view).value
        if value is not None:
            by_set[value] = by_set.get(value, 0.0) + math.exp(weight)
    weights = {named: math.log(share) for named, share in by_set.items() if share > 0}
    return ScoredSamples(AnswerLogprobs(weights) if weights else None, answers)
