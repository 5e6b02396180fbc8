from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from xml.etree import ElementTree

import pandas as pd
import pytest

from fliptrace.report.study.charts import (
    MOST_SLICES,
    ablation_chart,
    f1_span,
    flip_chart,
    k_curve_chart,
    slice_chart,
    transfer_chart,
)
from fliptrace.report.study.confidence_charts import reliability_chart, risk_coverage_chart
from fliptrace.report.study.svg import COLOURS, to_svg
from fliptrace.scoring.calibration import Bin, Calibration
from fliptrace.scoring.intervals import Interval
from fliptrace.scoring.risk_coverage import RiskCoverage
from fliptrace.scoring.seeds import SeedScores
from fliptrace.study.evidence.slices import SliceRow


def estimate(mean: float) -> SeedScores:
    return SeedScores(mean, 0.01, Interval(mean - 0.03, mean + 0.03), (mean - 0.01, mean, mean + 0.01))


RULE = estimate(0.734)
SPAN = Interval(0.6, 0.85)
ROWS = [
    ("untuned base", True, estimate(0.31)),
    ("answer-only", True, estimate(0.705)),
    ("trees", False, estimate(0.747)),
]
LINES = [("greedy", False, 0.72), ("chain", False, 0.71), ("exact", True, 0.73)]
K_CURVES = {"k10": {k: estimate(0.7 + 0.001 * k) for k in (1, 3, 10)}}
FLIPS = pd.DataFrame([[0, 1234], [7, 0]], index=["joy", "neutral"], columns=["joy", "neutral"])
F1S = {(track, test): estimate(0.7) for track in ("meld", "masac") for test in ("meld", "masac")}
BINS = tuple(Bin(i / 10, (i + 1) / 10, 90, i / 10 + 0.05, 0.05 + 0.08 * i) for i in range(10))
COVERAGE = RiskCoverage((0.5, 1.0), (0.9, 0.7), 0.17)

CHARTS: dict[str, Callable[[], str]] = {
    "ablation": lambda: ablation_chart(ROWS, RULE, "MELD", SPAN),
    "transfer": lambda: transfer_chart(F1S, {"meld": RULE}, ("meld", "masac"), ("meld", "masac"), "all"),
    "k curve": lambda: k_curve_chart(K_CURVES, LINES, RULE, "MELD"),
    "flips": lambda: flip_chart(FLIPS, "MaSaC"),
    "slices": lambda: slice_chart([SliceRow("neutral->joy", 50, 0.75, 0.01, 0.7)], SPAN, "by flip type"),
    "reliability": lambda: reliability_chart(Calibration(BINS, 0.043, 0.118, 900, 0), "MELD"),
    "risk": lambda: risk_coverage_chart({"k10": COVERAGE, "exact": COVERAGE}, RULE, "MELD"),
}


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter("text")]


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_is_the_same_svg_every_time_and_needs_nothing_else(name: str) -> None:
    svg = CHARTS[name]()
    assert svg == CHARTS[name]()
    root = ElementTree.fromstring(svg)
    assert root.tag == "svg"
    assert root.get("role") == "img"
    assert root.get("aria-label")
    assert "http" not in svg
    assert not list(root.iter("image"))
    assert not list(root.iter("style"))


@pytest.mark.parametrize("name", CHARTS)
def test_all_colours_and_the_font_are_the_pages(name: str) -> None:
    svg = CHARTS[name]()
    assert set(re.findall(r"var\(--(\w+)\)", svg)) <= set(COLOURS)
    assert re.findall(r"#[0-9a-f]{6}\b", svg) == []
    assert "font-family" not in svg


@pytest.mark.parametrize("name", sorted(set(CHARTS) - {"flips"}))
def test_axes_are_named(name: str) -> None:
    assert {"trigger F1", "share of triggers", "tested on"} & set(texts(CHARTS[name]()))


def test_names_are_text_and_no_markup_or_formula() -> None:
    svg = ablation_chart([("<script>$x^2$ & co", True, estimate(0.7))], RULE, "a & b", SPAN)
    assert "<script" not in svg
    assert "<script>$x^2$ & co" in texts(svg)


def test_a_label_describes_the_chart_to_screen_readers() -> None:
    svg = to_svg(lambda canvas: None, 10, 10, 'a "quoted" <b>')
    assert ElementTree.fromstring(svg).get("aria-label") == 'a "quoted" <b>'


def test_every_row_of_an_ablation_shows_its_f1() -> None:
    written = texts(CHARTS["ablation"]())
    assert [text for text in written if re.fullmatch(r"0\.\d{3}", text)] == ["0.310", "0.705", "0.747"]
    assert written.count("best rule") == 1


def test_without_a_rule_no_band_is_drawn() -> None:
    assert "best rule" not in ablation_chart(ROWS, None, "MELD", SPAN)


def test_a_span_holds_all_intervals_and_single_seeds() -> None:
    span = f1_span([SeedScores(0.6, 0.1, Interval(0.58, 0.62), (0.5, 0.7)), estimate(0.8)])
    assert span.low < 0.5
    assert span.high > 0.83


def test_a_single_value_still_has_an_axis() -> None:
    span = f1_span([SeedScores(0.7, None, None, (0.7,))])
    assert span.low < 0.7 < span.high


def test_of_many_slices_the_largest_are_drawn_in_their_order() -> None:
    rows = [SliceRow(f"slice {n:02}", n, 0.7, None, None) for n in range(1, 21)]
    names = [text for text in texts(slice_chart(rows, SPAN, "by number")) if text.startswith("slice")]
    assert names == [f"slice {n:02} · {n}" for n in range(21 - MOST_SLICES, 21)]


def test_flips_of_a_kind_that_is_not_there_leave_their_cell_empty() -> None:
    assert [text for text in texts(flip_chart(FLIPS, "two")) if text[0].isdigit()] == ["1,234", "7"]


def test_labels_at_the_edge_keep_apart() -> None:
    lines = [(name, False, 0.72) for name in ("greedy", "chain", "exact")]
    svg = k_curve_chart({"k10": {1: estimate(0.72)}}, lines, estimate(0.72), "crowded")
    names = ("greedy", "chain", "exact", "best rule")
    heights = sorted(float(e.get("y", "")) for e in ElementTree.fromstring(svg).iter("text") if e.text in names)
    assert len(heights) == 4
    assert min(b - a for a, b in pairwise(heights)) > 10
