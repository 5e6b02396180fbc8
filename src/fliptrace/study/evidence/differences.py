"""Paired differences between arms or evaluations, corrected for multiple testing, with a verdict on each."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import NamedTuple, TypeVar

from fliptrace.core.errors import InputError
from fliptrace.scoring.corrections import holm
from fliptrace.scoring.intervals import Settings
from fliptrace.scoring.seeds import SeedDifference, compare_seeds
from fliptrace.study.evidence.measured import Measured, counts_of
from fliptrace.study.evidence.values import Difference, Interval, Verdict

LEVEL = 0.05
Key = TypeVar("Key", bound=Hashable)


class Pair(NamedTuple):
    before: Measured
    after: Measured

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds that both have. A rule does not depend on the seed, so it has all seeds of the other."""
        learners = [set(m.by_seed) for m in self if m.kind != "rule"]
        return tuple(sorted(set.intersection(*learners))) if learners else tuple(self.before.by_seed)

    @property
    def names(self) -> tuple[str, str]:
        """The names of the two arms, or of the two evaluations where both belong to one arm."""
        before, after = self.before.where, self.after.where
        return (before.evaluation, after.evaluation) if before.arm == after.arm else (before.arm, after.arm)


def compare_family(pairs: Mapping[Key, Pair], settings: Settings) -> dict[Key, Difference]:
    """Compute the differences of one family, over which Holm's correction is made.

    A family is what readers see together and may take for findings. A pair without a common seed is left out.
    InputError where the two were not evaluated on the same cases.
    """
    raw = {key: _compare(pair, settings) for key, pair in pairs.items() if pair.seeds}
    corrected = holm([found.p_value for found in raw.values()])
    return {key: _difference(pairs[key], raw[key], p_holm) for key, p_holm in zip(raw, corrected, strict=True)}


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
    before, after = pair
    if (before.groups_sha256, before.num_groups) != (after.groups_sha256, after.num_groups):
        where = after.where
        place = f"{where.base}.{where.track} test {where.test!r}"
        found = f"{where.arm} and {before.where.arm} were evaluated on different groups of dialogues"
        raise InputError(place, f"{found}; expected the same groups")
    a, b = (counts_of(m.at(seed) for seed in pair.seeds) for m in pair)
    return compare_seeds(a, b, settings)


def _difference(pair: Pair, found: SeedDifference, p_holm: float) -> Difference:
    interval = None if found.interval is None else Interval(*found.interval)
    before, after = pair.names
    return Difference(
        before=before,
        after=after,
        value=found.value,
        interval=interval,
        p=found.p_value,
        p_holm=p_holm,
        relative_error_reduction=found.relative_error_reduction,
        num_seeds=len(pair.seeds),
        verdict=verdict(interval, p_holm),
    )
