"""Convert a Matplotlib figure to an inline SVG that takes its colours and its font from the page.

Text stays text, nothing in the SVG affects the rest of the page, and the same figure gives the same bytes. This module
knows nothing about studies.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from io import StringIO
from xml.etree import ElementTree

import matplotlib.style
from matplotlib.figure import Figure

# The page redefines these by CSS where it is dark or printed (templates/run.css, study.css). Two colours in one chart
# differ in lightness too, so they can be told apart without colour vision and in greyscale.
COLOURS = {
    "ink": "#22252a",
    "soft": "#62666d",
    "hair": "#dedad0",
    "model": "#0a6a75",
    "rule": "#95704a",
    "other": "#7b4fa0",
}
INK, SOFT, HAIR, MODEL, RULE, OTHER = COLOURS.values()

POINTS_PER_INCH = 72  # the unit of the SVG backend, so that all sizes below are in units of the chart
STYLE = {
    "svg.fonttype": "none",
    "font.family": ["DejaVu Sans"],  # comes with Matplotlib and is wide, so the page's font takes no more room
    "font.size": 11,
    "text.parse_math": False,  # "$" in the names of a study is plain text
    "text.color": SOFT,
    "axes.labelcolor": SOFT,
    "axes.labelsize": 11,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.axisbelow": True,
    "grid.color": HAIR,
    "grid.linewidth": 1,
    "xtick.color": HAIR,
    "ytick.color": HAIR,
    "xtick.labelcolor": SOFT,
    "ytick.labelcolor": INK,
    "ytick.major.size": 0,
    "xtick.major.size": 0,
    "figure.constrained_layout.use": True,
}


def to_svg(draw: Callable[[Figure], None], width: float, height: float, label: str) -> str:
    """Draw on an empty figure of this size and return its SVG. `label` describes the chart to screen readers.

    All charts of a page need different labels, because the ids inside the SVG are derived from them.
    """
    with matplotlib.style.context(["default", STYLE | {"svg.hashsalt": label}]):
        figure = Figure(figsize=(width / POINTS_PER_INCH, height / POINTS_PER_INCH))
        draw(figure)
        text = StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(text, format="svg", transparent=True, metadata=nothing)
    return _inline(text.getvalue(), label)


def _inline(text: str, label: str) -> str:
    """Remove namespaces, fixed size, fonts and page-wide styles from an SVG, and refer to colours by name."""
    root = ElementTree.fromstring(text)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.tail = None
        if element.tag != "text":
            element.text = None
        element.attrib = {name.rpartition("}")[2]: _short(value) for name, value in element.items()}
        if element.tag == "g":
            element.attrib.pop("id", None)
        for child in list(element):
            if child.tag.endswith("}style"):
                element.remove(child)
    root.attrib = {"viewBox": root.attrib["viewBox"], "role": "img", "aria-label": label, "class": "study"}
    return ElementTree.tostring(root, encoding="unicode")


def _short(value: str) -> str:
    """An attribute without its font, with colours by name and numbers with two decimals.

    >>> _short("font-size: 11px; font-family: 'DejaVu Sans'; fill: #0a6a75")
    'font-size: 11px; fill: var(--model)'
    >>> _short("rotate(-0 43.675772 179.356323)")
    'rotate(-0 43.68 179.36)'
    """
    value = re.sub(r"font-family: [^;]*; ?", "", value)
    value = re.sub(r"\d+\.\d{3,}", lambda found: f"{float(found[0]):.2f}", value)
    for name, colour in COLOURS.items():
        value = value.replace(colour, f"var(--{name})")
    return value
