"""From a Matplotlib figure to an SVG that stands in a page: its colours and its font are the page's. Knows no study.

Text stays text, nothing is global, and the same figure gives the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from io import StringIO
from xml.etree import ElementTree

import matplotlib.style
from matplotlib.figure import Figure

# The page redefines these by CSS where it is dark or printed (templates/run.css, study.css). Of two colours in one
# picture, lightness differs too: they carry without colour vision and in grey.
COLOURS = {
    "ink": "#22252a",
    "soft": "#62666d",
    "hair": "#dedad0",
    "model": "#0a6a75",
    "rule": "#95704a",
    "other": "#7b4fa0",
}
INK, SOFT, HAIR, MODEL, RULE, OTHER = COLOURS.values()

POINTS_PER_INCH = 72  # the SVG backend's unit, so that all sizes below are in units of the picture
STYLE = {
    "svg.fonttype": "none",
    "font.family": ["DejaVu Sans"],  # comes with Matplotlib and is wide: the page's font takes no more room
    "font.size": 11,
    "text.parse_math": False,  # names are the study's: "$" means nothing
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
    """What `draw` puts into an empty figure of this size; `label` says to those who do not see it what it shows.

    Labels of the pictures on a page differ, as names within the SVG are made from them.
    """
    with matplotlib.style.context(["default", STYLE | {"svg.hashsalt": label}]):
        figure = Figure(figsize=(width / POINTS_PER_INCH, height / POINTS_PER_INCH))
        draw(figure)
        text = StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(text, format="svg", transparent=True, metadata=nothing)
    return _inline(text.getvalue(), label)


def _inline(text: str, label: str) -> str:
    """Without namespaces, fixed size, font and what would hold for the whole page; colours by name."""
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
    """An attribute without font, with colours by name and numbers of two digits.

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
