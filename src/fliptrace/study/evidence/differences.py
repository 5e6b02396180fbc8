"""Paired differences between arms or evaluations, corrected for multiple testing, with a verdict on each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from fliptrace.core.errors import InputError
from fliptrace.scoring.corrections import holm
from fliptrace.scoring.intervals import Interval, Settings
from fliptrace.scoring.seeds import SeedDifference, compare_seeds
from fliptrace.study.evidence.table import Measured, Where, counts_of

LEVEL = 0.05
Verdict = Literal["helps", "hurts", "noise"]


class Difference(NamedTuple):
    """Mean F1 of `after` minus mean F1 of `before`, over the seeds that both have and the same dialogues.

    `p` is two-sided, from permutations that swap whole groups jointly over the seeds; `p_holm` is corrected for all
    differences of its family. `relative_error_reduction` is value / (1 - F1 before), None where there was no error
    before. `verdict` is "noise" unless the interval excludes 0 and p_holm < 0.05.
    """

    question: str
    before: Where
    after: Where
    value: float
    interval: Interval | None
    p: float
    p_holm: float
    relative_error_reduction: float | None
    num_seeds: int
    verdict: Verdict


class Pair(NamedTuple):
    """A question: does the second score higher than the first?"""

    question: str
    before: Measured
    after: Measured

    @property
    def key(self) -> tuple[Where, Where]:
        return self.before.where, self.after.where

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds that both have. A rule does not depend on the seed, so it has all seeds of the other."""
        learners = [set(m.by_seed) for m in (self.before, self.after) if m.kind != "rule"]
        return tuple(sorted(set.intersection(*learners))) if learners else tuple(self.before.by_seed)


def compare_family(pairs: Sequence[Pair], settings: Settings) -> tuple[Difference, ...]:
    """Compute the differences of one family, over which Holm's correction is made.

    A family is what readers see together and may take for findings. A pair that answers two questions is tested once,
    and a pair without a common seed is left out. InputError where the two were not evaluated on the same cases.
    """
    unique = {pair.key: pair for pair in pairs if pair.seeds}
    raw = {key: _compare(pair, settings) for key, pair in unique.items()}
    corrected = dict(zip(raw, holm([found.p_value for found in raw.values()]), strict=True))
    return tuple(_difference(pair, raw[pair.key], corrected[pair.key]) for pair in pairs if pair.key in raw)


def verdict(interval: Interval | None, p_holm: float) -> Verdict:
    """Decide whether a difference is a finding: its interval must exclude 0, and Holm's p must be below 0.05.

    The interval covers other training runs, whereas p is about these runs only. Holm's p covers the whole family.

    >>> verdict(Interval(0.01, 0.03), 0.02), verdict(Interval(0.01, 0.03), 0.2), verdict(Interval(-0.03, -0.01), 0.02)
    ('helps', 'noise', 'hurts')
    """
    if interval is None or p_holm >= LEVEL or interval.low <= 0 <= interval.high:
        return "noise"
    return "helps" if interval.low > 0 else "hurts"


def _compare(pair: Pair, settings: Settings) -> SeedDifference:
    _, before, after = pair
    if before.groups != after.groups:
        where = after.where
        place = f"{where.base}.{where.track} test {where.test!r}"
        found = f"{where.arm} and {before.where.arm} were evaluated on different groups of dialogues"
        raise InputError(place, f"{found}; expected the same groups")
    a, b = (counts_of(m.at(seed) for seed in pair.seeds) for m in (before, after))
    return compare_seeds(a, b, settings)


def _difference(pair: Pair, found: SeedDifference, p_holm: float) -> Difference:
    return Difference(
        question=pair.question,
        before=pair.before.where,
        after=pair.after.where,
        value=found.value,
        interval=found.interval,
        p=found.p_value,
        p_holm=p_holm,
        relative_error_reduction=found.relative_error_reduction,
        num_seeds=len(pair.seeds),
        verdict=verdict(found.interval, p_holm),
    )
