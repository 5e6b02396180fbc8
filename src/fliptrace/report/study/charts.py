"""Charts of a study that compare arms, tracks, decoding methods, slices and types of flips.

The charts of support and confidence are in confidence_charts.py. F1 is drawn as a dot with its interval, so that its
axis need not begin at 0 and overlaps are visible.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from scipy.optimize import isotonic_regression

from fliptrace.report.study.svg import INK, MODEL, OTHER, RULE, SOFT, to_svg
from fliptrace.report.study.wording import arrows
from fliptrace.report.wording import decimals
from fliptrace.scoring.intervals import Interval
from fliptrace.scoring.seeds import SeedScores
from fliptrace.study.evidence.slices import SliceRow

WIDTH = 460  # two charts fit side by side on a desktop, one on a phone
ROW, FOOT = 27, 60  # height of a row of a dot plot, and of everything else
LABEL_CHARS = 24
F1 = "trigger F1"
DASHES = (0, (3, 3))
MOST_SLICES = 12  # there are up to 56 flip types, most with a handful of flips
DEEPEST = 0.5  # opacity of the darkest cell, on which numbers are still legible


def f1_span(estimates: Iterable[SeedScores]) -> Interval:
    """One axis for several charts: the range of all their intervals and single seeds, with a small margin."""
    values = [value for estimate in estimates for value in (*_ends(estimate), *estimate.by_seed)]
    margin = 0.04 * (max(values) - min(values)) or 0.01
    return Interval(min(values) - margin, max(values) + margin)


def ablation_chart(
    rows: Sequence[tuple[str, bool, SeedScores]], rule: SeedScores | None, title: str, span: Interval
) -> str:
    """One row per arm and baseline: its name, whether it is an arm, and its F1.

    Small dots are single seeds, the band is the interval of the best `rule`. A value below the span is drawn as an
    arrow at the edge, because an untuned base would compress all other rows.
    """
    gap = 0.6  # between arms and baselines
    places = [number + gap * (not is_arm) for number, (_, is_arm, _) in enumerate(rows)]

    def draw(canvas: Figure) -> None:
        axes = canvas.add_subplot()
        _rows_axes(axes, places, [name for name, _, _ in rows], span)
        for place, (_, is_arm, f1) in zip(places, rows, strict=True):
            _dot_row(axes, place, f1, MODEL if is_arm else RULE)
        if rule:
            _rule_band(axes, rule, places[0])

    return to_svg(draw, WIDTH, FOOT + ROW * (len(places) + gap), f"{F1} of arms and baselines: {title}")


def transfer_chart(
    f1s: Mapping[tuple[str, str], SeedScores],
    rules: Mapping[str, SeedScores],
    tracks: Sequence[str],
    tests: Sequence[str],
    label: str,
) -> str:
    """F1 trained on the row and tested on the column. The last row is the best rule, which is not trained."""
    estimates = {**f1s, **{("", test): f1 for test, f1 in rules.items()}}
    trains = [*tracks, *([""] if rules else [])]
    low = min(f1.mean for f1 in estimates.values())
    high = max(f1.mean for f1 in estimates.values())

    def draw(canvas: Figure) -> None:
        axes = canvas.add_subplot()
        rows = [f"trained on\n{train}" if train else "best rule" for train in trains]
        _grid_axes(axes, rows, [f"tested on\n{test}" for test in tests])
        for (train, test), f1 in estimates.items():
            x, y = tests.index(test), trains.index(train)
            share = (f1.mean - low) / (high - low) if high > low else 0.5
            _cell(axes, x, y, share, MODEL if train else RULE)
            axes.text(x, y - 0.08, decimals(f1.mean), ha="center", va="center", color=INK, fontsize=13)
            if f1.interval:
                ends = f"{f1.interval.low:.3f} to {f1.interval.high:.3f}"
                axes.text(x, y + 0.24, ends, ha="center", va="center", color=INK, fontsize=9)

    width = max(WIDTH, 130 + 105 * len(tests))
    return to_svg(draw, width, 50 + 58 * len(trains), f"{F1} by training and test data: {label}")


def k_curve_chart(
    curves: Mapping[str, Mapping[int, SeedScores]],
    lines: Iterable[tuple[str, bool, float]],
    rule: SeedScores | None,
    label: str,
) -> str:
    """F1 by number of samples, with its interval, one curve per evaluation.

    Horizontal lines are evaluations that draw no samples: their names, whether they are exact, and their F1.
    """

    def draw(canvas: Figure) -> None:
        axes = canvas.add_subplot()
        labels: list[tuple[float, str, str]] = []
        for (evaluation, points), colour in zip(curves.items(), cycle((MODEL, OTHER, INK)), strict=False):
            _curve(axes, points, colour)
            labels.append((points[max(points)].mean, evaluation, colour))
        for evaluation, is_exact, f1 in lines:
            axes.axhline(f1, color=SOFT, linewidth=1, linestyle="-" if is_exact else DASHES)
            labels.append((f1, evaluation, SOFT))
        if rule:
            axes.axhline(rule.mean, color=RULE, linewidth=1.5, linestyle=DASHES)
            labels.append((rule.mean, "best rule", RULE))
        ks = sorted({k for points in curves.values() for k in points})
        axes.set_xticks(ks, [str(k) for k in ks])
        axes.set_xlabel("samples per flip")
        axes.set_ylabel(F1)
        plain_axes(axes)
        label_right(axes, labels)

    return to_svg(draw, WIDTH, 290, f"{F1} by number of samples: {label}")


def flip_chart(counts: pd.DataFrame, label: str) -> str:
    """The number of flips from the row's emotion to the column's."""
    numbers, emotions = counts.to_numpy(), list(counts.columns)

    def draw(canvas: Figure) -> None:
        axes = canvas.add_subplot()
        _grid_axes(axes, emotions, emotions)
        axes.set_ylabel("from")
        axes.set_xlabel("to", labelpad=7)
        axes.xaxis.set_label_position("top")
        for (y, x), number in np.ndenumerate(numbers):
            _cell(axes, x, y, number / numbers.max(), MODEL)
            if number:
                axes.text(x, y, f"{number:,}", ha="center", va="center", color=INK, fontsize=10)

    size = len(emotions)
    return to_svg(draw, 90 + 53 * size, 60 + 30 * size, f"flips by emotion before and after: {label}")


def slice_chart(found: Sequence[SliceRow], span: Interval, label: str) -> str:
    """One row per slice, at most MOST_SLICES: the model as a dot with its sd over seeds, the best rule as a square."""
    largest = sorted(found, key=lambda row: -row.num_flips)[:MOST_SLICES]
    rows = [row for row in found if row in largest]

    def draw(canvas: Figure) -> None:
        axes = canvas.add_subplot()
        _rows_axes(axes, range(len(rows)), [f"{arrows(row.name)} · {row.num_flips:,}" for row in rows], span)
        for place, row in enumerate(rows):
            if row.rule_f1 is not None:
                axes.plot([row.rule_f1, row.f1], [place, place], color=SOFT, linewidth=1)
                axes.plot(row.rule_f1, place, "s", color=RULE, markersize=6)
            if row.sd is not None:
                axes.plot([row.f1 - row.sd, row.f1 + row.sd], [place, place], color=MODEL, linewidth=2.5)
            axes.plot(row.f1, place, "o", color=MODEL, markersize=7)
            _beside(axes, place, decimals(row.f1))

    return to_svg(draw, WIDTH, FOOT - 15 + ROW * len(rows), f"{F1} {label}")


def label_right(axes: Axes, labels: Sequence[tuple[float, str, str]]) -> None:
    """Label lines at the right edge, given height, text and colour. Labels move just enough to keep them apart."""
    low, high = axes.get_ylim()
    steps = 0.065 * (high - low) * np.arange(len(labels))
    ordered = sorted(labels)
    places = isotonic_regression([height for height, *_ in ordered] - steps).x + steps
    for place, (_, text, colour) in zip(places, ordered, strict=True):
        _beside(axes, place, text, colour)


def plain_axes(axes: Axes) -> None:
    """Remove the frame and draw horizontal grid lines."""
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.tick_params(axis="y", labelcolor=SOFT)
    axes.grid(axis="y")
    axes.spines[:].set_visible(False)


def _dot_row(axes: Axes, place: float, f1: SeedScores, colour: str) -> None:
    _beside(axes, place, decimals(f1.mean))
    low, high = axes.get_xlim()
    if f1.mean < low:
        axes.plot(low + 0.02 * (high - low), place, "<", color=colour, markersize=7)
        return
    axes.plot(_ends(f1), [place, place], color=colour, linewidth=2.5, solid_capstyle="butt")
    axes.plot(f1.mean, place, "o", color=colour, markersize=7)
    if len(f1.by_seed) > 1:
        axes.plot(f1.by_seed, [place + 0.3] * len(f1.by_seed), "o", color=colour, markersize=3, alpha=0.7)


def _rule_band(axes: Axes, f1: SeedScores, top: float) -> None:
    axes.axvspan(*_ends(f1), color=RULE, alpha=0.13, linewidth=0)
    axes.axvline(f1.mean, color=RULE, linewidth=1.2, linestyle=DASHES)
    axes.text(f1.mean, top - 0.75, "best rule", ha="center", va="bottom", color=RULE, fontsize=10)


def _curve(axes: Axes, points: Mapping[int, SeedScores], colour: str) -> None:
    ks, ends = list(points), [_ends(f1) for f1 in points.values()]
    axes.fill_between(ks, [end.low for end in ends], [end.high for end in ends], color=colour, alpha=0.15, linewidth=0)
    axes.plot(ks, [f1.mean for f1 in points.values()], "o-", color=colour, linewidth=2, markersize=5)


def _rows_axes(axes: Axes, places: Sequence[float], names: Sequence[str], span: Interval) -> None:
    axes.set_yticks(places, [_wrapped(name) for name in names])
    axes.set_ylim(places[-1] + 0.6, places[0] - 0.7)
    axes.set_xlim(*span)
    axes.set_xlabel(F1)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.grid(axis="x")
    axes.spines[:].set_visible(False)


def _grid_axes(axes: Axes, rows: Sequence[str], columns: Sequence[str]) -> None:
    axes.set_yticks(range(len(rows)), rows)
    axes.set_xticks(range(len(columns)), columns)
    axes.tick_params(labeltop=True, labelbottom=False, labelcolor=SOFT, labelsize=10)
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.spines[:].set_visible(False)


def _cell(axes: Axes, x: int, y: int, share: float, colour: str) -> None:
    """Fill a cell of a grid with `share` of the darkest opacity."""
    opacity = 0.06 + (DEEPEST - 0.06) * share
    axes.add_patch(Rectangle((x - 0.48, y - 0.47), 0.96, 0.94, color=colour, alpha=opacity, linewidth=0))


def _beside(axes: Axes, height: float, text: str, colour: str = INK) -> None:
    axes.text(1.015, height, text, transform=axes.get_yaxis_transform(), color=colour, va="center", fontsize=10)


def _ends(estimate: SeedScores) -> Interval:
    return estimate.interval or Interval(estimate.mean, estimate.mean)


def _wrapped(text: str) -> str:
    return "\n".join(textwrap.wrap(text, LABEL_CHARS)) or text
