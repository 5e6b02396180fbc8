"""The questions of a study: does an arm beat its control, its parent or the best rule, and a vote the greedy answer?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fliptrace.scoring.intervals import Settings
from fliptrace.study.evidence.differences import Difference, Pair, Verdict, compare_family
from fliptrace.study.evidence.table import Evidence, Measured, Place
from fliptrace.study.names import is_own_test

AGAINST_RULE = "best arm against best rule"
FROM_PARENT = "an arm against its parent"
FROM_GREEDY = "an evaluation against the greedy one"


class Summary(NamedTuple):
    """The number of tables with each verdict on a planned question, over all bases and evaluations on own test sets."""

    question: str
    num_helps: int
    num_hurts: int
    num_noise: int

    @property
    def text(self) -> str:
        """
        >>> Summary("feedback against more steps", 1, 0, 2).text
        'feedback against more steps: helps in 1, hurts in 0, noise in 2 of 3'
        >>> Summary("feedback against more steps", 0, 0, 0).text
        'feedback against more steps: not measured'
        """
        total = self.num_helps + self.num_hurts + self.num_noise
        counts = f"helps in {self.num_helps}, hurts in {self.num_hurts}, noise in {self.num_noise} of {total}"
        return f"{self.question}: {counts if total else 'not measured'}"


def answer_questions(evidence: Evidence, settings: Settings) -> Iterator[Difference]:
    """All differences, place by place.

    Holm's family is all differences between arms of a base, track and test set, in all evaluations; or between the
    evaluations of one arm.
    """
    for place in evidence.places:
        between_arms = [pair for evaluation in place.evaluations for pair in _arm_pairs(evidence, place, evaluation)]
        yield from compare_family(between_arms, settings)
        for arm in place.arms:
            yield from compare_family(list(_greedy_pairs(place.of_arm(arm))), settings)


def summarize(evidence: Evidence, differences: Sequence[Difference]) -> tuple[Summary, ...]:
    """Count the verdicts on each planned question, over all tables in which a model is tested on its own track."""
    verdicts: Counter[tuple[str, Verdict]] = Counter(
        (found.question, found.verdict) for found in differences if is_own_test(found.after.track, found.after.test)
    )
    questions = dict.fromkeys([*(question for question, _, _ in _planned(evidence)), AGAINST_RULE])
    return tuple(Summary(q, verdicts[q, "helps"], verdicts[q, "hurts"], verdicts[q, "noise"]) for q in questions)


def _planned(evidence: Evidence) -> Iterator[tuple[str, str, str]]:
    """The planned questions between arms, each with the two arms. The last is about the whole stack."""
    titles = {arm.name: arm.title for arm in evidence.arms}
    for arm in evidence.tested:
        control = arm.control or ""
        yield f"{arm.title} against {titles[control]}", control, arm.name
    if len(evidence.stack) > 1:
        control, last = evidence.stack[0].control or "", evidence.stack[-1]
        yield f"the whole stack ({last.title}) against {titles[control]}", control, last.name


def _arm_pairs(evidence: Evidence, place: Place, evaluation: str) -> Iterator[Pair]:
    """The questions of one evaluation whose arms were measured."""
    arms = place.by_arm(evaluation)
    parents = [(FROM_PARENT, arm.parent or "", arm.name) for arm in evidence.arms]
    for question, before, after in (*parents, *_planned(evidence)):
        if before in arms and after in arms:
            yield Pair(question, arms[before], arms[after])
    if place.rule is not None:
        yield Pair(AGAINST_RULE, place.rule, max(arms.values(), key=lambda m: evidence.f1(m).mean))


def _greedy_pairs(evaluations: Sequence[Measured]) -> Iterator[Pair]:
    """Each evaluation of an arm against the first greedy one that asks for the same and does not judge."""
    plain = [m for m in evaluations if m.any_seed["decode"] == "greedy" and not m.any_seed["judge"]]
    greedy = {m.any_seed["ask"]: m for m in reversed(plain)}
    for m in evaluations:
        found = greedy.get(m.any_seed["ask"])
        if found is not None and found is not m:
            yield Pair(FROM_GREEDY, found, m)
