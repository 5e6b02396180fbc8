"""Self-consistency for models that report the log-probability of their own replies: each distinct answer counts once,
with its probability.

For models that cannot score answers of our choosing (exact_voting.py). How often an answer was sampled no longer
matters, and the probability of everything that was never sampled is reported as `remaining`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from fliptrace.core.messages import Answer, Completion
from fliptrace.core.voting import Vote, vote
from fliptrace.inference.exact_voting import AnswerLogprobs
from fliptrace.prompts.answers import parse_answer, parse_completion
from fliptrace.prompts.views import View


class ScoredSamples(NamedTuple):
    """The parsed replies to a case, and the log-probabilities of the distinct answers; None if none could be parsed."""

    logprobs: AnswerLogprobs | None
    answers: tuple[Answer, ...]

    @property
    def remaining(self) -> float:
        """The probability, 0 to 1, of everything that was not sampled or could not be parsed."""
        return 1.0 if self.logprobs is None else self.logprobs.remaining

    def vote(self, num_utterances: int, threshold: float) -> Vote:
        """Name the utterances whose probability, given one of the parsed answers, reaches `threshold`."""
        read = [answer.value for answer in self.answers]
        if self.logprobs is None:
            return vote(read, num_utterances, threshold)
        named = self.logprobs.vote(num_utterances, threshold, len(read))
        return replace(named, num_valid=sum(value is not None for value in read))


def score_samples(completions: Sequence[Completion], view: View) -> ScoredSamples:
    """Add up the probabilities of distinct replies by the set that they name.

    Replies without a `log_probability` do not count, nor do replies that were cut short.
    """
    by_set: dict[frozenset[int], float] = {}
    answers = tuple(parse_completion(completion, view) for completion in completions)
    distinct: dict[str, float] = {}
    for completion in completions:
        if completion.finish_reason == "stop" and completion.log_probability is not None:
            # The same text may be sampled in several tokenizations: the likeliest one counts.
            distinct[completion.text] = max(completion.log_probability, distinct.get(completion.text, -math.inf))
    for text, logprob in distinct.items():
        value = parse_answer(text, view).value
        if value is not None:
            by_set[value] = by_set.get(value, 0.0) + math.exp(logprob)
    logprobs = {named: math.log(share) for named, share in by_set.items() if share > 0}
    return ScoredSamples(AnswerLogprobs(logprobs) if logprobs else None, answers)
