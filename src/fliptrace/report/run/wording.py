"""Formatting of an F1 and of a difference in the report of a run, each with its interval."""

from __future__ import annotations

from fliptrace.report.run.values import Difference, Metrics
from fliptrace.report.wording import NONE, interval, signed


def f1(metrics: Metrics) -> str:
    """An F1 with its interval.

    >>> from fliptrace.study.evidence.values import Interval
    >>> f1(Metrics(0.7176, 0.8, 0.65, 0.5, Interval(0.6207, 0.8217)))
    '0.718 [0.621, 0.822]'
    """
    return f"{metrics.f1:.3f} {interval(metrics.interval)}"


def difference(found: Difference | None) -> str:
    """A difference with its interval; a dash where there is nothing to compare."""
    if found is None:
        return NONE
    ends = found.interval
    inside = "[single group]" if ends is None else f"[{signed(ends.low)}, {signed(ends.high)}]"
    return f"{signed(found.value)} {inside}"
