"""The report of a run: `read_run` reads its folder, `render_markdown` and `render_html` render it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from jinja2.exceptions import UndefinedError

from fliptrace.report.pages import page_environment
from fliptrace.report.run import charts
from fliptrace.report.run.reader import read_run
from fliptrace.report.run.remarks import lead, remarks
from fliptrace.report.run.toml_text import to_toml
from fliptrace.report.run.values import RunReport
from fliptrace.report.run.wording import difference, f1

__all__ = ["RunReport", "read_run", "render_html", "render_markdown"]

ROW_WIDTH, ROW_MARGIN = 280, 14  # of the chart in each row of the table of scores


def render_markdown(report: RunReport) -> str:
    """Render compact Markdown, one table per section, for use in a longer page: its heading is of the second level."""
    return _render(report, "run.md")


def render_html(report: RunReport) -> str:
    """Render a self-contained page, without network or scripts. It follows the light or dark theme of the system."""
    return _render(report, "run.html")


def _render(report: RunReport, template: str) -> str:
    """Render a template. ValueError, or another error of Python, where a damaged run holds values of another type."""
    environment = page_environment()
    environment.filters.update(f1=f1, difference=difference)
    page = environment.get_template(template)
    axis = charts.interval_axis(report, ROW_WIDTH, ROW_MARGIN) if report.rules else None
    try:
        text = page.render(
            report=report,
            lead=lead(report),
            remarks=remarks(report),
            axis=axis,
            row_width=ROW_WIDTH,
            size=charts,
            loss_plot=charts.loss_plot,
            f1_plot=partial(charts.f1_plot, report=report),
            thresholds=[(s, r, r.threshold) for s in report.stages for r in s.evaluations if r.threshold],
            judged=[(s, r, r.judged) for s in report.stages for r in s.evaluations if r.judged],
            first_samples=_first_samples(report),
            recipe_toml=to_toml(report.recipe),
        )
    except UndefinedError as error:
        raise ValueError(str(error)) from error
    return text.strip() + "\n"


def _first_samples(report: RunReport) -> Mapping[str, str]:
    """One trained text of each kind, from the first stage that has it."""
    samples: dict[str, str] = {}
    for stage in report.stages:
        for kind, text in (stage.preflight.samples if stage.preflight else {}).items():
            samples.setdefault(kind, text)
    return samples
