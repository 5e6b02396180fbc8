"""Formatting of an F1 and of a difference in the report of a run, each with its interval."""

from __future__ import annotations

from fliptrace.report.run.values import Metrics
from fliptrace.report.wording import NONE, signed_with_interval, with_interval
from fliptrace.scoring.compare import Comparison


def f1(metrics: Metrics) -> str:
    return with_interval(metrics.f1, metrics.interval)


def difference(found: Comparison | None) -> str:
    """A difference with its interval; a dash where there is nothing to compare."""
    return NONE if found is None else signed_with_interval(found.difference, found.interval)
