"""Geometry of the small charts in the report of a run: positions of values, and ticks of axes.

This module draws nothing itself; templates/charts.html does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fliptrace.report.run.values import Curve, Metrics, Point, RunReport

WIDTH, HEIGHT = 340, 170  # of a curve, in pixels; legible on a phone
LEFT, RIGHT, TOP, BOTTOM = 36, 10, 10, 24  # margins around a curve


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis with values from `low` to `high` at positions from `start` to `end`. For y, `start` is the lower edge."""

    low: float
    high: float
    start: float
    end: float
    step: float

    def at(self, value: float) -> float:
        """The position of a value.

        >>> Axis(0, 1, 10, 110, 0.5).at(0.25)
        35.0
        """
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    @property
    def ticks(self) -> tuple[float, ...]:
        """The values of the ticks: the multiples of `step` on the axis.

        >>> Axis(0.55, 0.82, 0, 1, 0.1).ticks
        (0.6, 0.7, 0.8)
        """
        first, last = math.ceil(self.low / self.step - 1e-9), math.floor(self.high / self.step + 1e-9)
        return tuple(round(i * self.step, 10) for i in range(first, last + 1))

    def label(self, tick: float) -> str:
        """The label of a tick, with as many decimals as the step has."""
        digits = max(0, -math.floor(math.log10(self.step) + 1e-9))
        return f"{tick:,.{digits}f}"


@dataclass(frozen=True, slots=True)
class Plot:
    """A line of points, with its two axes."""

    points: tuple[Point, ...]
    x: Axis
    y: Axis

    @property
    def path(self) -> str:
        """The points of an SVG polyline."""
        return " ".join(f"{self.x.at(point.step)},{self.y.at(point.value)}" for point in self.points)


def interval_axis(report: RunReport, width: float, margin: float) -> Axis:
    """One axis for all rows of the table, so that intervals can be compared by eye."""
    rows = [
        *report.rules.values(),
        *(evaluation.metrics for stage in report.stages for evaluation in stage.evaluations),
    ]
    return _axis([value for row in rows for value in _extent(row)], margin, width - margin, num_ticks=5)


def loss_plot(curve: Curve) -> Plot:
    return _plot(curve.losses, curve, [0.0, *(point.value for point in curve.losses)])


def f1_plot(curve: Curve, report: RunReport) -> Plot:
    """F1 on val by step. All stages of a run share one y axis, which includes the F1 of the rules."""
    values = [point.value for stage in report.stages for point in stage.curve.val_f1s]
    return _plot(curve.val_f1s, curve, [*values, *(rule.f1 for rule in report.rules.values())])


def _plot(points: tuple[Point, ...], curve: Curve, values: Sequence[float]) -> Plot:
    steps = [point.step for point in (*curve.losses, *curve.val_f1s)]
    x = _axis([0, *steps], LEFT, WIDTH - RIGHT, num_ticks=5, least_step=1)
    return Plot(points, x, _axis(values, HEIGHT - BOTTOM, TOP, num_ticks=4))


def _extent(metrics: Metrics) -> Iterable[float]:
    return (metrics.f1, *(metrics.interval or ()))


def _axis(values: Sequence[float], start: float, end: float, num_ticks: int, least_step: float = 0.01) -> Axis:
    """An axis from the tick below the smallest value to the tick above the largest."""
    low, high = min(values), max(values)
    step = max(_nice((high - low) / num_ticks), least_step)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return Axis(first * step, max(last, first + 1) * step, start, end, step)


def _nice(least: float) -> float:
    """The smallest of 1, 2, 5, 10, 20 ... (and their decimal fractions) that is not below `least`."""
    if least <= 0:
        return 0.0
    power = 10.0 ** math.floor(math.log10(least))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= least - 1e-12)
