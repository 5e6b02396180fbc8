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
from fliptrace.report.study.sections import findings, lead, sections
from fliptrace.report.wording import unbroken
from fliptrace.study.evidence.values import StudyReport

DIGITS = 6


def render_study_html(report: StudyReport) -> str:
    """Render a self-contained page, without network or scripts. It follows the light or dark theme of the system."""
    return _render(report, "study.html")


def render_study_markdown(report: StudyReport) -> str:
    """Render all tables, without charts. The heading is of the second level. Details are folded by HTML elements."""
    return _render(report, "study.md")


def study_json(report: StudyReport) -> Json:
    """Every value of the report under its field name. Floats are rounded to six digits; keys of mappings are strings.

    >>> _plain({0: (0.12345678, None, True)})
    {'0': [0.123457, None, True]}
    """
    found: Json = _plain(asdict(report))
    return found


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
