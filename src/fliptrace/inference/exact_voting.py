"""Exact self-consistency: score the answers that a model may give, instead of sampling them.

This is what sampling the answer alone at temperature 1 converges to, without the noise. The first round scores the
empty set, every single candidate and every pair (all sets, if there are few candidates). As long as enough probability
lies elsewhere, further rounds score larger sets that extend the likeliest ones. The probability of everything that was
not scored is reported as `remaining`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Literal, NamedTuple

from fliptrace.core.messages import Answer, Message
from fliptrace.core.voting import Vote
from fliptrace.inference.config import InferenceConfig
from fliptrace.models.base import ChatModel, Choice, Decoding, ReplyScorer, Request
from fliptrace.prompts.answers import cut_answer_line, render_answer, render_question
from fliptrace.prompts.views import View

ENOUGH_REMAINING = 0.01  # stop looking for larger sets once less probability than this is unaccounted for
# All sets of 6 candidates: each adds a token to a prompt of over a hundred, while another round reads the prompt again.
MAX_SETS_AT_ONCE = 64
# A pair of 8 candidates has 6 supersets with one more utterance, so one round extends at least the five likeliest sets.
SETS_PER_ROUND = 32
MAX_MORE_SETS = 64

Triggers = frozenset[int]


class Question(NamedTuple):
    """A prompt about a view. `opening` is the rationale that precedes the answer; `key` is unique."""

    key: str
    view: View
    messages: tuple[Message, ...]
    opening: str = ""


@dataclass(frozen=True)
class AnswerLogprobs:
    """The natural log-probability of each set of triggers that was scored; never empty."""

    log_probabilities: Mapping[Triggers, float]

    @property
    def remaining(self) -> float:
        """The probability, 0 to 1, of everything that was not scored: other sets, and replies that are no answer."""
        return round(min(1.0, max(0.0, 1.0 - sum(map(math.exp, self.log_probabilities.values())))), 6)

    @cached_property
    def best(self) -> Triggers:
        """The likeliest set; among equals the one scored first."""
        return max(self.log_probabilities, key=self.log_probabilities.__getitem__)

    def support(self, num_utterances: int) -> tuple[float, ...]:
        """The probability that each utterance is named, given that the answer is one of those scored.

        Rounded to 6 digits, so that other rounding in another batch does not change the file.
        """
        highest = self.log_probabilities[self.best]
        weights = {named: math.exp(weight - highest) for named, weight in self.log_probabilities.items()}
        total = sum(weights.values())
        shares = (sum(w for named, w in weights.items() if i in named) / total for i in range(num_utterances))
        return tuple(min(1.0, round(share, 6)) for share in shares)

    def vote(self, num_utterances: int, threshold: float, num_samples: int = 1) -> Vote:
        """Name the utterances whose support reaches `threshold`; all samples count as valid."""
        support = self.support(num_utterances)
        named = frozenset(i for i, share in enumerate(support) if share >= threshold)
        return Vote(named, support, num_samples, num_samples)


def average(parts: Sequence[AnswerLogprobs]) -> AnswerLogprobs:
    """The mean of the probabilities over the parts; a set that a part did not score has probability 0 in it."""
    by_set: dict[Triggers, list[float]] = {}
    for part in parts:
        for named, weight in part.log_probabilities.items():
            by_set.setdefault(named, []).append(weight)
    return AnswerLogprobs({named: _log_sum(weights) - math.log(len(parts)) for named, weights in by_set.items()})


def score_answers(scorer: ReplyScorer, questions: Sequence[Question]) -> list[AnswerLogprobs]:
    """The log-probabilities of the answers to each question, in order; each round scores sets of all questions."""
    searches = [_Search(question) for question in questions]
    asked = [list(search.first_sets()) for search in searches]
    while any(asked):
        going = [(search, sets) for search, sets in zip(searches, asked, strict=True) if sets]
        choices = [search.choice(sets) for search, sets in going]
        for (search, sets), weights in zip(going, scorer.score_replies(choices), strict=True):
            search.found.update(zip(sets, weights, strict=True))
        asked = [search.more_sets() for search in searches]
    return [AnswerLogprobs(search.found) for search in searches]


def candidates(view: View) -> tuple[int, ...]:
    """The utterances that answers are made of: those within reach (dialogue layout), or all shown (window layout).

    0.8% of MELD's and 2.5% of MaSaC's triggers lie beyond the reach (prompts/views.py). The probability of answers
    that name them is part of `remaining`.
    """
    return view.shown if view.layout.name == "window" else view.candidates


class ScoredView(NamedTuple):
    """The log-probabilities of the answers to a case, and the likeliest answer after each rationale."""

    logprobs: AnswerLogprobs
    answers: tuple[Answer, ...]


def score_views(
    scorer: ReplyScorer, writer: ChatModel | None, views: Sequence[View], config: InferenceConfig
) -> list[ScoredView]:
    """Score the answers to each view, in order; if reasons are asked for, after rationales that `writer` writes.

    A single rationale is greedy. Several are sampled, and the probabilities that follow them are averaged.
    """
    asked = [(view, render_question(view, config.ask)) for view in views]
    openings: list[tuple[str, ...]] = [("",)] * len(asked)
    if config.ask == "chain":
        assert writer is not None
        openings = _rationales(writer, asked, config.decoding)
    questions = [
        Question(f"{view.case.id}/exact/{number}", view, messages, opening)
        for (view, messages), row in zip(asked, openings, strict=True)
        for number, opening in enumerate(row)
    ]
    found = zip(questions, score_answers(scorer, questions), strict=True)
    return [_scored([next(found) for _ in row]) for row in openings]


def _rationales(
    writer: ChatModel, asked: Sequence[tuple[View, tuple[Message, ...]]], decoding: Decoding
) -> list[tuple[str, ...]]:
    """The rationale of every reply, without the answer line that follows it."""
    requests = [Request(view.case.id, messages) for view, messages in asked]
    kind: Literal["greedy", "sample"] = "greedy" if decoding.num_samples == 1 else "sample"
    replies = writer.complete(requests, replace(decoding, kind=kind))
    return [tuple(cut_answer_line(completion.text) for completion in row) for row in replies]


def _scored(found: Sequence[tuple[Question, AnswerLogprobs]]) -> ScoredView:
    answers = tuple(
        Answer(weights.best, question.opening + render_answer(weights.best, question.view))
        for question, weights in found
    )
    return ScoredView(average([weights for _, weights in found]), answers)


class _Search:
    """The sets scored for one question so far, and which to score next."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.candidates = candidates(question.view)
        self.found: dict[Triggers, float] = {}
        self._extended: set[Triggers] = set()
        self._num_more = 0

    def choice(self, sets: Sequence[Triggers]) -> Choice:
        key, view, messages, opening = self.question
        return Choice(key, messages, tuple(render_answer(named, view) for named in sets), opening)

    def first_sets(self) -> Iterator[Triggers]:
        num_candidates = len(self.candidates)
        for size in range(num_candidates + 1 if 2**num_candidates <= MAX_SETS_AT_ONCE else 3):
            yield from map(frozenset, combinations(self.candidates, size))

    def more_sets(self) -> list[Triggers]:
        """Sets that extend the likeliest ones by one utterance; none once enough probability is accounted for."""
        if len(self.found) == 2 ** len(self.candidates) or AnswerLogprobs(self.found).remaining < ENOUGH_REMAINING:
            return []
        num_wanted = min(SETS_PER_ROUND, MAX_MORE_SETS - self._num_more)
        sets: dict[Triggers, None] = {}  # a set that keeps its order
        while len(sets) < num_wanted:
            open_ones = self.found.keys() - self._extended
            if not open_ones:
                break
            likeliest = max(open_ones, key=lambda named: (self.found[named], sorted(named)))
            self._extended.add(likeliest)
            larger = (likeliest | {i} for i in self.candidates if i not in likeliest)
            sets |= dict.fromkeys(named for named in larger if named not in self.found)
        more = list(sets)[:num_wanted]
        if len(more) < len(sets):
            self._extended.discard(likeliest)  # its other supersets follow in the next round
        self._num_more += len(more)
        return more


def _log_sum(weights: Sequence[float]) -> float:
    highest = max(weights)
    return highest if math.isinf(highest) else highest + math.log(sum(math.exp(w - highest) for w in weights))
