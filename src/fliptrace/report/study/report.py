"""Render the report of a study as an HTML page, as Markdown for use in a longer page, or as JSON.

The content is made in sections.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from markupsafe import Markup, escape

from fliptrace.core.files import Json
from fliptrace.report.pages import page_environment
from fliptrace.report.study.page import Section
from fliptrace.report.study.paper import paper_rows
from fliptrace.report.study.sections import findings, lead, sections
from fliptrace.report.wording import unbroken
from fliptrace.study.evidence.gather import StudyReport
from fliptrace.study.evidence.slices import KINDS, slice_rows
from fliptrace.study.evidence.support import mean_risk_coverage, pool_calibration

DIGITS = 6


def render_study_html(report: StudyReport) -> str:
    """Render a self-contained page, without network or scripts. It follows the light or dark theme of the system."""
    return _render(report, "study.html")


def render_study_markdown(report: StudyReport) -> str:
    """Render all tables, without charts. The heading is of the second level. Details are folded by HTML elements."""
    return _render(report, "study.md")


def study_json(report: StudyReport) -> Json:
    """The table of all figures, and what is concluded from them. Floats are rounded to six digits.

    `pandas.DataFrame(**figures)` is the table again.

    >>> _plain({0: (0.12345678, None, True)})
    {'0': [0.123457, None, True]}
    """
    table, places = report.evidence.table, report.places
    rows = table.astype(object).where(table.notna(), None).to_numpy().tolist()
    support = [(m.where, pool_calibration(m), mean_risk_coverage(m)) for m in report.evidence.models]
    return {
        "header": _plain(asdict(report.header)),
        "questions": _plain([summary._asdict() for summary in report.summaries]),
        "remarks": list(report.remarks),
        "paper": _plain(paper_rows(report)),
        "figures": {"data": _plain(rows), "columns": list(table.columns)},
        "differences": _plain(report.differences),
        "slices": [
            _plain({"where": place.headline.where, "by": kind, "rows": found})
            for place in places
            for kind in KINDS
            if (found := slice_rows(place.headline, place.rule, kind))
        ],
        "calibration": [_plain({"where": where} | bins._asdict()) for where, bins, _ in support if bins],
        "risk_coverage": [_plain({"where": where} | curve._asdict()) for where, _, curve in support if curve],
        "leaks": [{"where": _plain(place.headline.where), "leaks": place.headline.leaks} for place in places],
        "flips": [
            _plain(matrix._asdict() | {"counts": matrix.counts.to_dict("index")}) for matrix in report.flip_matrices
        ],
    }


def _render(report: StudyReport, template: str) -> str:
    found: Sequence[Section] = sections(report)
    environment = page_environment()
    environment.filters["ranged"] = _ranged
    page = environment.get_template(template)
    text = page.render(header=report.header, lead=lead(report), findings=findings(report), sections=found)
    return text.strip() + "\n"


def _ranged(cell: str) -> Markup:
    """Wrap the interval in a cell, so that it is styled less prominently than its number.

    >>> print(_ranged("0.72 [0.69, 0.75] <b>"))
    0.72\xa0<span class="range">[0.69,\xa00.75]</span> &lt;b&gt;
    """
    return Markup(re.sub(r"\[[^\]]*\]", r'<span class="range">\g<0></span>', str(escape(unbroken(cell)))))


def _plain(value: Any) -> Any:
    match value:
        case float():
            return round(value, DIGITS)
        case Mapping():
            return {str(name): _plain(one) for name, one in value.items()}
        case tuple() if hasattr(value, "_asdict"):
            return _plain(value._asdict())
        case tuple() | list():
            return [_plain(one) for one in value]
    return value
