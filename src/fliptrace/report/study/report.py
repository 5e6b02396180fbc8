"""The report of a study: one page, Markdown to stand in a longer page, or JSON. What it says: sections.py."""

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
    """One page that needs nothing else: no network, no script. Light or dark as the reader's system is."""
    return _render(report, "study.html")


def render_study_markdown(report: StudyReport) -> str:
    """All tables and no picture; its heading is of the second level. What is detail is folded, where HTML is let be."""
    return _render(report, "study.md")


def study_json(report: StudyReport) -> Json:
    """Every value of the report by its name there, floats to six digits; tables' keys are strings.

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
    """A cell's interval may step back behind its figure.

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
