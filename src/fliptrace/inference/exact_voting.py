"""Exact self-consistency: weigh the answers a model may give instead of sampling them.

It is what answer-only sampling at temperature 1 converges to, without its noise. First no trigger, every one and every
pair of the candidates (all sets, where they are few); then, while enough probability lies elsewhere, larger sets that
go on from the likeliest ones.
What was never asked about is reported as `remaining`.
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
from fliptrace.models.base import ChatModel, Choice, Decoding, ReplyScorer, Request
from fliptrace.prompts.answers import Ask, cut_answer_line, render_answer, render_question
from fliptrace.prompts.views import View

ENOUGH_REMAINING = 0.01  # of the probability: below it no larger sets are looked for
# All sets of 6 candidates: they add a token each to a prompt of a hundred and more, another round takes it once more.
MAX_SETS_AT_ONCE = 64
# A pair of 8 candidates has 6 supersets of one more, so a round looks beyond the likeliest five sets and more.
SETS_A_ROUND = 32
MAX_MORE_SETS = 64

Triggers = frozenset[int]


class Question(NamedTuple):
    """A prompt about a view; `opening` is the rationale that stands before the answer. `key` is unique."""

    key: str
    view: View
    messages: tuple[Message, ...]
    opening: str = ""


@dataclass(frozen=True)
class AnswerLogprobs:
    """The natural log-probability of each set of triggers that was asked about; never empty."""

    log_probabilities: Mapping[Triggers, float]

    @property
    def remaining(self) -> float:
        """The probability, 0 to 1, of all that was not asked about: other sets, and what is no answer."""
        return round(min(1.0, max(0.0, 1.0 - sum(map(math.exp, self.log_probabilities.values())))), 6)

    @cached_property
    def best(self) -> Triggers:
        """The likeliest set; of equals the one asked about first."""
        return max(self.log_probabilities, key=self.log_probabilities.__getitem__)

    def support(self, num_utterances: int) -> tuple[float, ...]:
        """The probability that an utterance is named, given that the answer is one of those asked about.

        To 6 digits, so that rounding in another batch does not make another file.
        """
        highest = self.log_probabilities[self.best]
        weights = {named: math.exp(weight - highest) for named, weight in self.log_probabilities.items()}
        total = sum(weights.values())
        shares = (sum(w for named, w in weights.items() if i in named) / total for i in range(num_utterances))
        return tuple(min(1.0, round(share, 6)) for share in shares)

    def vote(self, num_utterances: int, threshold: float, num_samples: int = 1) -> Vote:
        """Name the utterances whose support reaches `threshold`; every one of the samples counts as valid."""
        support = self.support(num_utterances)
        named = frozenset(i for i, share in enumerate(support) if share >= threshold)
        return Vote(named, support, num_samples, num_samples)


def average(parts: Sequence[AnswerLogprobs]) -> AnswerLogprobs:
    """The mean of the probabilities, each part counting alike; what a part was not asked about has none in it."""
    by_set: dict[Triggers, list[float]] = {}
    for part in parts:
        for named, weight in part.log_probabilities.items():
            by_set.setdefault(named, []).append(weight)
    return AnswerLogprobs({named: _log_sum(weights) - math.log(len(parts)) for named, weights in by_set.items()})


def score_answers(scorer: ReplyScorer, questions: Sequence[Question]) -> list[AnswerLogprobs]:
    """How probable the model finds each answer to each question, in order; all questions go on in common rounds."""
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
    """The utterances an answer is made of: in the dialogue layout those within reach, in the window layout all shown.

    What lies beyond the reach is where 0.8% of MELD's and 2.5% of MaSaC's triggers are (prompts/views.py); a model
    that names it anyway shows in `remaining`.
    """
    return view.shown if view.layout.name == "window" else view.candidates


class ScoredView(NamedTuple):
    """The weights of the answers to a case, and the likeliest one, after each rationale where there are any."""

    weights: AnswerLogprobs
    answers: tuple[Answer, ...]


def score_views(
    model: ChatModel | ReplyScorer, views: Sequence[View], ask: Ask, decoding: Decoding
) -> list[ScoredView]:
    """Read a model exactly about each view, in order; with reasons, after each of `decoding.num_samples` rationales.

    One rationale is greedy, more are sampled, and their probabilities are averaged. The model weighs replies, and
    where reasons are asked for gives some as well (predict.check_model).
    """
    assert isinstance(model, ReplyScorer)
    asked = [(view, render_question(view, ask)) for view in views]
    openings = _rationales(model, asked, decoding) if ask == "chain" else [("",)] * len(asked)
    questions = [
        Question(f"{view.case.id}/exact/{number}", view, messages, opening)
        for (view, messages), row in zip(asked, openings, strict=True)
        for number, opening in enumerate(row)
    ]
    found = zip(questions, score_answers(model, questions), strict=True)
    return [_scored([next(found) for _ in row]) for row in openings]


def _rationales(
    model: ChatModel | ReplyScorer, asked: Sequence[tuple[View, tuple[Message, ...]]], decoding: Decoding
) -> list[tuple[str, ...]]:
    """The reasons of every reply, without the answer line that follows them."""
    assert isinstance(model, ChatModel)
    requests = [Request(view.case.id, messages) for view, messages in asked]
    kind: Literal["greedy", "sample"] = "greedy" if decoding.num_samples == 1 else "sample"
    replies = model.complete(requests, replace(decoding, kind=kind))
    return [tuple(cut_answer_line(completion.text) for completion in row) for row in replies]


def _scored(found: Sequence[tuple[Question, AnswerLogprobs]]) -> ScoredView:
    answers = tuple(
        Answer(weights.best, question.opening + render_answer(weights.best, question.view))
        for question, weights in found
    )
    return ScoredView(average([weights for _, weights in found]), answers)


class _Search:
    """The sets asked about in one question so far, and which to ask about next."""

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
        """Sets with one utterance more than the likeliest; none when enough probability has been seen."""
        if len(self.found) == 2 ** len(self.candidates) or AnswerLogprobs(self.found).remaining < ENOUGH_REMAINING:
            return []
        wanted = min(SETS_A_ROUND, MAX_MORE_SETS - self._num_more)
        sets: dict[Triggers, None] = {}  # in the order in which they were thought of
        while len(sets) < wanted:
            open_ones = self.found.keys() - self._extended
            if not open_ones:
                break
            likeliest = max(open_ones, key=lambda named: (self.found[named], sorted(named)))
            self._extended.add(likeliest)
            larger = (likeliest | {i} for i in self.candidates if i not in likeliest)
            sets |= dict.fromkeys(named for named in larger if named not in self.found)
        more = list(sets)[:wanted]
        if len(more) < len(sets):
            self._extended.discard(likeliest)  # the rest of its larger sets come in the next round
        self._num_more += len(more)
        return more


def _log_sum(weights: Sequence[float]) -> float:
    highest = max(weights)
    return highest if math.isinf(highest) else highest + math.log(sum(math.exp(w - highest) for w in weights))
