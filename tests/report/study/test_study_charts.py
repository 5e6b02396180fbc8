from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from study_values import estimate, study

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
from fliptrace.study.evidence.values import Interval, SliceRow

STUDY = study()
RULE = STUDY.leaks[0].rule_f1
SPAN = Interval(0.6, 0.85)

CHARTS: dict[str, Callable[[], str]] = {
    "ablation": lambda: ablation_chart(STUDY.ablation[0], RULE, "MELD", SPAN),
    "transfer": lambda: transfer_chart(STUDY.transfer[0], "all"),
    "k curve": lambda: k_curve_chart(STUDY.decoding[0], RULE, "MELD"),
    "flips": lambda: flip_chart(STUDY.flip_matrices[1], "MaSaC"),
    "slices": lambda: slice_chart(STUDY.slices[0], SPAN, "by flip type"),
    "reliability": lambda: reliability_chart(STUDY.calibration[0], "MELD"),
    "risk": lambda: risk_coverage_chart(STUDY.risk_coverage[:2], RULE, "MELD"),
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
    table = STUDY.ablation[0]
    hostile = replace(table.rows[0], title="<script>$x^2$ & co")
    svg = ablation_chart(replace(table, rows=(hostile, *table.rows[1:])), RULE, "a & b", SPAN)
    assert "<script" not in svg
    assert "<script>$x^2$ & co" in texts(svg)


def test_a_label_describes_the_chart_to_screen_readers() -> None:
    svg = to_svg(lambda canvas: None, 10, 10, 'a "quoted" <b>')
    assert ElementTree.fromstring(svg).get("aria-label") == 'a "quoted" <b>'


def test_every_row_of_an_ablation_shows_its_f1() -> None:
    table = STUDY.ablation[0]
    written = texts(CHARTS["ablation"]())
    assert [text for text in written if re.fullmatch(r"0\.\d{3}", text)] == [f"{row.f1.mean:.3f}" for row in table.rows]
    assert written.count("best rule") == 1


def test_without_a_rule_no_band_is_drawn() -> None:
    assert "best rule" not in ablation_chart(STUDY.ablation[0], None, "MELD", SPAN)


def test_a_span_holds_all_intervals_and_single_seeds() -> None:
    found = [estimate(0.6), estimate(0.8)]
    span = f1_span(found)
    assert span.low < min(found[0].interval.low, *found[0].by_seed.values())
    assert span.high > max(found[1].interval.high, *found[1].by_seed.values())


def test_a_single_value_still_has_an_axis() -> None:
    point = replace(estimate(0.7, seeds=(0,)), interval=None)
    assert f1_span([point]).low < point.mean < f1_span([point]).high


def test_of_many_slices_the_largest_are_drawn_in_their_order() -> None:
    rows = tuple(SliceRow(f"slice {n:02}", n, 0.7, None, None) for n in range(1, 21))
    written = texts(slice_chart(replace(STUDY.slices[0], rows=rows), SPAN, "by number"))
    names = [text for text in written if text.startswith("slice")]
    assert names == [f"slice {n:02} · {n}" for n in range(21 - MOST_SLICES, 21)]


def test_flips_of_a_kind_that_is_not_there_leave_their_cell_empty() -> None:
    matrix = replace(STUDY.flip_matrices[0], emotions=("joy", "neutral"), counts=((0, 1234), (7, 0)))
    assert [text for text in texts(flip_chart(matrix, "two")) if text[0].isdigit()] == ["1,234", "7"]


def test_labels_at_the_edge_keep_apart() -> None:
    table = STUDY.decoding[0]
    same = replace(table, rows=tuple(replace(row, f1=estimate(0.72)) for row in table.rows))
    svg = k_curve_chart(same, estimate(0.72), "crowded")
    names = ("greedy", "chain", "exact", "best rule")
    heights = sorted(float(e.get("y", "")) for e in ElementTree.fromstring(svg).iter("text") if e.text in names)
    assert len(heights) == 4
    assert min(b - a for a, b in pairwise(heights)) > 10
